<?php
// Calls one host, and tells what the client got. It knows nothing of faultlayer.
// The event has `host`, `secure` (use TLS) and the ports: `http`, `https`.

const LIMIT = 1000; // milliseconds for a connection, and for an answer

function by_curl(array $event): array
{
    $scheme = $event['secure'] ? 'https' : 'http';
    $handle = curl_init("$scheme://{$event['host']}:{$event[$scheme]}/");
    curl_setopt_array($handle, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_CAINFO => '/var/authority.pem',
        CURLOPT_CONNECTTIMEOUT_MS => LIMIT,
        CURLOPT_TIMEOUT_MS => LIMIT + 200, // it begins with the connection
    ]);
    $body = curl_exec($handle);
    $error = curl_errno($handle) ? curl_strerror(curl_errno($handle)) . ': ' . curl_error($handle) : '';
    $seconds = curl_getinfo($handle, CURLINFO_TOTAL_TIME);
    return ['bytes' => $body === false ? 0 : strlen($body), 'error' => $error, 'seconds' => $seconds];
}

// The Runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
$api = 'http://' . getenv('AWS_LAMBDA_RUNTIME_API') . '/2018-06-01/runtime/invocation';
while (true) {
    $request_id = '';
    $handle = curl_init("$api/next");
    curl_setopt_array($handle, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HEADERFUNCTION => function ($handle, string $line) use (&$request_id): int {
            if (stripos($line, 'Lambda-Runtime-Aws-Request-Id:') === 0) {
                $request_id = trim(substr($line, 30));
            }
            return strlen($line);
        },
    ]);
    $event = json_decode(curl_exec($handle), true);
    $handle = curl_init("$api/$request_id/response");
    $answer = json_encode(['curl' => by_curl($event)]);
    curl_setopt_array($handle, [CURLOPT_RETURNTRANSFER => true, CURLOPT_POSTFIELDS => $answer]);
    curl_exec($handle);
}
