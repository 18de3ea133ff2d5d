/* The load: a runtime client that asks for an event and answers it, over and over, on one
 * persistent connection, and times each pair.
 *
 *   client PORT N EVENT_BYTES [RESPONSE_BYTES] [--warm-up W] [--raw FILE]
 *
 * Prints one JSON line; --raw writes each invocation's nanoseconds as native u32. It must never
 * count a wrong answer: any status, request id, size or byte that is not as sent ends the run. */
#include "wire.h"

#include <sys/resource.h>

static int fd;
static char *buf, *answer;
static size_t event_size, answer_size;
static char next_request[512], last_id[64];
static size_t next_length;
static struct message *m;

static void wrong(const char *what, unsigned long i) {
    fprintf(stderr, "invocation %lu: %s\n%.600s\n", i, what, m->head);
    exit(3);
}

static void invoke(unsigned long i) {
    char id[64], post[512];
    size_t len;
    if (send_all(fd, next_request, next_length, NULL, 0) < 0) wrong("cannot send GET next", i);
    if (read_message(fd, m, buf) != 1 || m->damaged) wrong("no whole, undamaged event", i);
    if (strncmp(m->head, "HTTP/1.1 200 ", 13)) wrong("next: not 200", i);
    if (m->length != event_size) wrong("event of another size", i);
    const char *v = header(m, "lambda-runtime-aws-request-id", &len);
    if (!v || len != 36) wrong("no request id", i);
    memcpy(id, v, len);
    id[len] = 0;
    if (strcmp(id, last_id) == 0) wrong("request id seen twice", i);
    strcpy(last_id, id);

    int n = snprintf(post, sizeof post,
                     "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\n"
                     "Host: 127.0.0.1\r\nUser-Agent: faultlayer-bench\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     id, answer_size);
    if (send_all(fd, post, (size_t)n, answer, answer_size) < 0) wrong("cannot send response", i);
    if (read_message(fd, m, buf) != 1) wrong("no answer to the response", i);
    if (strncmp(m->head, "HTTP/1.1 202 ", 13)) wrong("response: not 202", i);
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double at(const uint32_t *sorted, unsigned long n, double share) {
    unsigned long rank = (unsigned long)(share * (double)n);
    return sorted[rank < n ? rank : n - 1] / 1000.0;
}

static void report(uint32_t *ns, unsigned long n, double wall_s, double cpu) {
    qsort(ns, n, sizeof *ns, by_value);
    double moved = (double)n * (double)(event_size + answer_size) / 1e6;
    printf("{\"n\": %lu, \"min_us\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
           "\"mean_us\": %.1f, \"mb_per_s\": %.1f, \"client_cpu_us\": %.1f}\n",
           n, ns[0] / 1000.0, at(ns, n, 0.5), at(ns, n, 0.99), at(ns, n, 0.999),
           wall_s * 1e6 / (double)n, moved / wall_s, cpu / (double)n);
}

int main(int argc, char **argv) {
    unsigned long number[4] = {0, 0, 1024, 0}, warm_up = 100;
    const char *raw = NULL;
    int given = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--warm-up") == 0 && i + 1 < argc) warm_up = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--raw") == 0 && i + 1 < argc) raw = argv[++i];
        else if (given < 4) number[given++] = strtoul(argv[i], NULL, 10);
    }
    if (given < 2 || number[1] == 0) {
        fprintf(stderr, "usage: client PORT N [EVENT_BYTES [RESPONSE_BYTES]] "
                        "[--warm-up W] [--raw FILE]\n");
        return 2;
    }
    unsigned long n = number[1];
    event_size = number[2];
    answer_size = given > 3 ? number[3] : event_size;
    answer = payload(answer_size);
    buf = malloc(CHUNK);
    m = calloc(1, sizeof *m);
    uint32_t *ns = calloc(n, sizeof *ns);
    if (!buf || !m || !ns) die("malloc");
    next_length = (size_t)snprintf(next_request, sizeof next_request,
                                   "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"
                                   "Host: 127.0.0.1\r\nUser-Agent: faultlayer-bench event=%zu\r\n"
                                   "\r\n", event_size);
    if ((fd = dial((int)number[0])) < 0) die("connect");
    for (unsigned long i = 0; i < warm_up; i++) invoke(i);

    double cpu = cpu_us();
    uint64_t start = now_ns(), from = start;
    for (unsigned long i = 0; i < n; i++) {
        invoke(i);
        uint64_t to = now_ns();
        ns[i] = to - from > UINT32_MAX ? UINT32_MAX : (uint32_t)(to - from);
        from = to;
    }
    double wall_s = (double)(from - start) / 1e9;
    cpu = cpu_us() - cpu;
    if (raw) {
        FILE *f = fopen(raw, "wb");
        if (!f || fwrite(ns, sizeof *ns, n, f) != n || fclose(f)) die(raw);
    }
    report(ns, n, wall_s, cpu);
    return 0;
}
