package probe;

/** The function's own kind of failure. */
public class OrderError extends RuntimeException {
    public OrderError(String order) {
        super("no such order: " + order);
    }
}
