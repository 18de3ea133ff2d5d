// Calls one host, and tells what the client got. It knows nothing of faultlayer.
//
// The event has Host, Secure (use TLS) and the ports.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

const limit = time.Second // for a connection, and for an answer

type event struct {
	Host   string `json:"host"`
	Secure bool   `json:"secure"`
	HTTP   int    `json:"http"`
	HTTPS  int    `json:"https"`
}

type result struct {
	Bytes   int     `json:"bytes"`
	Error   string  `json:"error"`
	Seconds float64 `json:"seconds"`
}

func get(call event) (int, error) {
	authority, _ := os.ReadFile("/var/authority.pem")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: limit}).DialContext,
		ResponseHeaderTimeout: limit,
		TLSHandshakeTimeout:   limit,
		TLSClientConfig:       &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2:     true,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 2 * limit}
	url := fmt.Sprintf("http://%s:%d/", call.Host, call.HTTP)
	if call.Secure {
		url = fmt.Sprintf("https://%s:%d/", call.Host, call.HTTPS)
	}
	answer, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return 0, errors.New(answer.Status)
	}
	body, err := io.ReadAll(answer.Body)
	return len(body), err
}

// told has the error, and what a program could ask of it.
func told(err error) string {
	found := []string{}
	var name *net.DNSError
	if errors.As(err, &name) {
		found = append(found, "net.DNSError")
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		found = append(found, "ECONNREFUSED")
	}
	if errors.Is(err, syscall.ECONNRESET) {
		found = append(found, "ECONNRESET")
	}
	var other net.Error
	if errors.As(err, &other) && other.Timeout() {
		found = append(found, "Timeout()")
	}
	return err.Error() + " {" + strings.Join(found, ", ") + "}"
}

func handle(_ context.Context, call event) (map[string]result, error) {
	began := time.Now()
	bytes, err := get(call)
	got := result{Bytes: bytes, Seconds: time.Since(began).Seconds()}
	if err != nil {
		got.Bytes, got.Error = 0, told(err)
	}
	return map[string]result{"net/http": got}, nil
}

func main() { lambda.Start(handle) }
