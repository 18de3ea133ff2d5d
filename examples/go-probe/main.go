// A function that tells what it saw; see docs/runtimes.md. It knows nothing of faultlayer.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Event is what the function may be asked for.
type Event struct {
	Raise  string `json:"raise"`
	Exit   int    `json:"exit"`
	Size   int    `json:"size"`
	Filler string `json:"filler"`
}

// Answer is what API Gateway expects of a proxy integration.
type Answer struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

// OrderError is the function's own kind of failure.
type OrderError struct{ order string }

func (e OrderError) Error() string { return "no such order: " + e.order }

var runs int

func handle(ctx context.Context, event Event) (any, error) {
	runs++
	call, _ := lambdacontext.FromContext(ctx)
	fmt.Println("HANDLER RAN", call.AwsRequestID)
	switch {
	case event.Raise != "":
		return nil, OrderError{event.Raise}
	case event.Exit != 0:
		os.Exit(event.Exit)
	case event.Size > 0:
		return strings.Repeat("x", event.Size), nil
	}
	body, err := json.Marshal(map[string]any{
		"runtime":    "go",
		"runs":       runs,
		"api":        os.Getenv("AWS_LAMBDA_RUNTIME_API"),
		"request_id": call.AwsRequestID,
		"filler":     len(event.Filler),
	})
	headers := map[string]string{"content-type": "application/json"}
	return Answer{StatusCode: 200, Headers: headers, Body: string(body)}, err
}

func main() {
	if reason := os.Getenv("FAIL_AT_START"); reason != "" {
		panic(reason)
	}
	lambda.Start(handle)
}
