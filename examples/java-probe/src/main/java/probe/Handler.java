package probe;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

/** A function that tells what it saw; see docs/runtimes.md. It knows nothing of faultlayer. */
public class Handler implements RequestHandler<Map<String, Object>, Object> {
    private int runs;

    public Handler() {
        String reason = System.getenv("FAIL_AT_START");
        if (reason != null) {
            throw new IllegalStateException(reason);
        }
    }

    @Override
    public Object handleRequest(Map<String, Object> event, Context context) {
        runs++;
        System.out.println("HANDLER RAN " + context.getAwsRequestId());
        if (event.containsKey("raise")) {
            throw new OrderError((String) event.get("raise"));
        }
        if (event.containsKey("exit")) {
            System.exit(((Number) event.get("exit")).intValue());
        }
        if (event.containsKey("size")) {
            return "x".repeat(((Number) event.get("size")).intValue());
        }
        String body = String.format(
                "{\"runtime\":\"java\",\"runs\":%d,\"api\":\"%s\",\"request_id\":\"%s\",\"filler\":%d}",
                runs,
                System.getenv("AWS_LAMBDA_RUNTIME_API"),
                context.getAwsRequestId(),
                ((String) event.getOrDefault("filler", "")).length());
        return Map.of(
                "statusCode", 200, "headers", Map.of("content-type", "application/json"), "body", body);
    }
}
