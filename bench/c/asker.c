/* Measure the cost of a connection for its program: connect, then close.
 *
 *   asker PORT N      prints one JSON line: microseconds of connect(2)
 *
 * Under the shim each connect asks the extension first; without it, it is the kernel's alone. */
#include "wire.h"

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: asker PORT N\n");
        return 2;
    }
    struct sockaddr_in to = loopback(atoi(argv[1]));
    struct linger at_once = {1, 0}; /* no port of ours is left in TIME_WAIT */
    long n = atol(argv[2]), warm_up = n / 10 + 1;
    uint64_t *took = calloc((size_t)n, sizeof *took);
    if (!took) die("calloc");
    for (long i = -warm_up; i < n; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) die("socket");
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        uint64_t from = now_ns();
        if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
        if (i >= 0) took[i] = now_ns() - from;
        close(fd);
    }
    qsort(took, (size_t)n, sizeof *took, by_value);
    printf("{\"n\": %ld, \"p50_us\": %.3f, \"p99_us\": %.3f}\n", n, (double)took[n / 2] / 1000.0,
           (double)took[n - 1 - n / 100] / 1000.0);
    return 0;
}
