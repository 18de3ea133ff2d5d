# Calls one host, and tells what the client got. It knows nothing of faultlayer.
# The event has `host`, `secure` (use TLS) and the ports: `http`, `https`.

require "json"
require "net/http"

LIMIT = 1 # second for a connection, and for an answer

def by_net_http(event)
  port = event["secure"] ? event["https"] : event["http"]
  client = Net::HTTP.new(event["host"], port, nil)
  client.use_ssl = event["secure"]
  client.ca_file = "/var/authority.pem"
  client.open_timeout = client.read_timeout = client.ssl_timeout = LIMIT
  client.max_retries = 0
  client.start { |connection| connection.get("/").body.bytesize }
end

def call(event)
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  bytes, error = 0, ""
  begin
    bytes = by_net_http(event)
  rescue StandardError, Timeout::Error => raised
    error = "#{raised.class}: #{raised.message}"
  end
  seconds = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
  { bytes: bytes, error: error, seconds: seconds }
end

# The Runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
host, port = ENV.fetch("AWS_LAMBDA_RUNTIME_API").split(":")
runtime = Net::HTTP.new(host, port.to_i, nil)
runtime.read_timeout = nil
loop do
  invocation = runtime.get("/2018-06-01/runtime/invocation/next")
  request_id = invocation["Lambda-Runtime-Aws-Request-Id"]
  answer = { "net/http" => call(JSON.parse(invocation.body)) }
  runtime.post("/2018-06-01/runtime/invocation/#{request_id}/response", JSON.generate(answer))
end
