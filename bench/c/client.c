/* The load: runtime clients that ask for an event and answer it, over and over, each on one
 * persistent connection, and time each pair.
 *
 *   client PORT SERVER_PORT N EVENT_BYTES ANSWER_BYTES [--warm-up W] [--connections C]
 *          [--seconds S] [--stream] [--raw FILE]
 *
 * Each connection makes N invocations, or as many as begin within S seconds. SERVER_PORT is the fake
 * Runtime API itself, which is told the size of the events past whatever is measured. With --stream
 * the answers are streamed in chunks, the first bytes 2 ms before the others.
 * Prints one JSON line; --raw writes each invocation's nanoseconds as native u32. It must never
 * count a wrong answer: any status, request id, size or byte that is not as sent ends the run. */
#include "stream.h"

#include <sys/resource.h>

enum { NAP_NS = 2000000 };

static int port, server_port, streaming;
static size_t event_size, answer_size;
static unsigned long per_connection, warm_up = 100, connections = 1;
static double seconds = 1e9;
static char *answer, next_request[256];
static size_t next_length;
static pthread_barrier_t warm, go;
static uint64_t start_ns;

struct runtime {
    pthread_t thread;
    int fd, control;
    char *buf, last_id[64];
    struct message *m;
    uint32_t *ns;
    unsigned long done;
    uint64_t end_ns;
    double first_us, blast_s; /* of the streams: sums */
};

static void wrong(struct runtime *r, const char *what) {
    fprintf(stderr, "invocation %lu: %s\n%.600s\n", r->done, what, r->m->head);
    exit(3);
}

/* Where a request is not taken to its end, the answer says why. */
static void unsent(struct runtime *r, const char *what) {
    r->m->head[0] = 0;
    read_head(r->fd, r->m, r->buf);
    wrong(r, what);
}

static void ask_server(struct runtime *r, const char *path, char *body, size_t room) {
    char request[128];
    int n = snprintf(request, sizeof request, "GET /bench/%s HTTP/1.1\r\nHost: b\r\n\r\n", path);
    if (send_all(r->control, request, (size_t)n, NULL, 0) < 0 ||
        read_head(r->control, r->m, r->buf) != 1 || strncmp(r->m->head, "HTTP/1.1 200 ", 13))
        wrong(r, "the fake Runtime API does not answer");
    n = snprintf(body, room, "%.*s", (int)r->m->have, r->m->piece);
    if ((size_t)n != r->m->length) wrong(r, "the fake Runtime API's answer is torn");
}

static void ask_next(struct runtime *r, char *id) {
    size_t len;
    if (send_all(r->fd, next_request, next_length, NULL, 0) < 0) unsent(r, "cannot send GET next");
    if (read_message(r->fd, r->m, r->buf) != 1) wrong(r, "no whole, undamaged event");
    if (strncmp(r->m->head, "HTTP/1.1 200 ", 13)) wrong(r, "next: not 200");
    if (r->m->length != event_size) wrong(r, "event of another size");
    if (r->m->damaged) wrong(r, "no whole, undamaged event");
    const char *v = header(r->m, "lambda-runtime-aws-request-id", &len);
    if (!v || len != 36) wrong(r, "no request id");
    memcpy(id, v, len);
    id[len] = 0;
    if (strcmp(id, r->last_id) == 0) wrong(r, "request id seen twice");
    strcpy(r->last_id, id);
}

static void send_answer(struct runtime *r, const char *id) {
    char post[512];
    int n = snprintf(post, sizeof post,
                     "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\n"
                     "Host: 127.0.0.1\r\nUser-Agent: faultlayer-bench\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     id, answer_size);
    if (send_all(r->fd, post, (size_t)n, answer, answer_size) < 0)
        unsent(r, "cannot send response");
}

static void stream_answer(struct runtime *r, const char *id, uint64_t *begin, uint64_t *blast) {
    char post[640];
    int n = snprintf(post, sizeof post,
                     "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\n"
                     "Host: 127.0.0.1\r\nUser-Agent: faultlayer-bench\r\n"
                     "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
                     "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
                     "Trailer: Lambda-Runtime-Function-Error-Type\r\n"
                     "Trailer: Lambda-Runtime-Function-Error-Body\r\n\r\n", id);
    *begin = now_ns();
    if (send_stream(r->fd, post, (size_t)n, answer, answer_size, NAP_NS, blast) < 0)
        unsent(r, "cannot send the streamed response");
}

static void invoke(struct runtime *r) {
    char id[64], said[128];
    uint64_t begin = 0, blast = 0;
    unsigned long long first = 0, bytes = 0;
    ask_next(r, id);
    if (streaming) stream_answer(r, id, &begin, &blast);
    else send_answer(r, id);
    if (read_message(r->fd, r->m, r->buf) != 1) wrong(r, "no answer to the response");
    if (strncmp(r->m->head, "HTTP/1.1 202 ", 13)) wrong(r, "response: not 202");
    if (!streaming) return;
    r->blast_s += (double)(now_ns() - blast) / 1e9;
    ask_server(r, "stream", said, sizeof said);
    if (sscanf(said, "%llu %llu", &first, &bytes) != 2 || bytes != answer_size || first < begin)
        wrong(r, "not all of the stream has arrived");
    r->first_us += (double)(first - begin) / 1e3;
}

static void *run(void *arg) {
    struct runtime *r = arg;
    for (unsigned long i = 0; i < warm_up; i++) invoke(r);
    r->first_us = r->blast_s = 0;
    pthread_barrier_wait(&warm);
    pthread_barrier_wait(&go);
    uint64_t from = start_ns, until = start_ns + (uint64_t)(seconds * 1e9);
    while (r->done < per_connection && from < until) {
        invoke(r);
        uint64_t to = now_ns();
        r->ns[r->done++] = to - from > UINT32_MAX ? UINT32_MAX : (uint32_t)(to - from);
        from = to;
    }
    r->end_ns = from;
    return NULL;
}

static void prepare(struct runtime *r) {
    r->buf = malloc(CHUNK);
    r->m = calloc(1, sizeof *r->m);
    r->ns = malloc(per_connection * sizeof *r->ns);
    if (!r->buf || !r->m || !r->ns) die("malloc");
    if ((r->fd = dial(port)) < 0) die("connect");
    r->control = -1;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double micros(struct timeval t) { return (double)t.tv_sec * 1e6 + (double)t.tv_usec; }

static double at(const uint32_t *sorted, unsigned long n, double share) {
    unsigned long rank = (unsigned long)(share * (double)n);
    return sorted[rank < n ? rank : n - 1] / 1000.0;
}

static void report(struct runtime *all, struct rusage *before, const char *raw) {
    struct rusage after;
    getrusage(RUSAGE_SELF, &after);
    unsigned long n = 0;
    uint64_t end = start_ns;
    double first_us = 0, blast_s = 0;
    uint32_t *ns = malloc(connections * per_connection * sizeof *ns);
    if (!ns) die("malloc");
    for (struct runtime *r = all; r < all + connections; r++) {
        memcpy(ns + n, r->ns, r->done * sizeof *ns);
        n += r->done;
        if (r->end_ns > end) end = r->end_ns;
        first_us += r->first_us;
        blast_s += r->blast_s;
    }
    if (raw) {
        FILE *f = fopen(raw, "wb");
        if (!f || fwrite(ns, sizeof *ns, n, f) != n || fclose(f)) die(raw);
    }
    qsort(ns, n, sizeof *ns, by_value);
    double d = (double)n, wall_s = (double)(end - start_ns) / 1e9;
    double moved = d * (double)(event_size + answer_size) / 1e6;
    double streamed = streaming ? d * (double)answer_size / 1e6 / blast_s : 0;
    printf("{\"n\": %lu, \"p50_us\": %.3f, \"p99_us\": %.3f, \"per_s\": %.1f, \"mb_per_s\": %.2f, "
           "\"user_us\": %.3f, \"system_us\": %.3f, \"first_us\": %.2f}\n",
           n, at(ns, n, 0.5), at(ns, n, 0.99), d / wall_s,
           streaming ? streamed : moved / wall_s,
           (micros(after.ru_utime) - micros(before->ru_utime)) / d,
           (micros(after.ru_stime) - micros(before->ru_stime)) / d, first_us / d);
}

static const char *arguments(int argc, char **argv) {
    unsigned long number[5];
    const char *raw = NULL;
    int given = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--stream") == 0) streaming = 1;
        else if (strncmp(argv[i], "--", 2) == 0 && i + 1 == argc) given = 9;
        else if (strcmp(argv[i], "--warm-up") == 0) warm_up = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--connections") == 0) connections = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0) seconds = strtod(argv[++i], NULL);
        else if (strcmp(argv[i], "--raw") == 0) raw = argv[++i];
        else if (given < 5) number[given++] = strtoul(argv[i], NULL, 10);
    }
    if (given != 5 || number[2] == 0 || connections == 0) {
        fprintf(stderr, "usage: client PORT SERVER_PORT N EVENT_BYTES ANSWER_BYTES [--warm-up W] "
                        "[--connections C] [--seconds S] [--stream] [--raw FILE]\n");
        exit(2);
    }
    port = (int)number[0];
    server_port = (int)number[1];
    per_connection = number[2];
    event_size = number[3];
    answer_size = number[4];
    return raw;
}

int main(int argc, char **argv) {
    const char *raw = arguments(argc, argv);
    char path[64], said[64];
    struct rusage before;
    signal(SIGPIPE, SIG_IGN);
    answer = streaming ? malloc(PIECE) : payload(answer_size);
    for (int i = 0; streaming && i < PIECE; i++) answer[i] = stream_at((uint64_t)i);
    next_length = (size_t)snprintf(next_request, sizeof next_request,
                                   "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"
                                   "Host: 127.0.0.1\r\nUser-Agent: faultlayer-bench\r\n\r\n");
    struct runtime *all = calloc(connections, sizeof *all);
    if (!all || !answer) die("malloc");
    for (struct runtime *r = all; r < all + connections; r++) prepare(r);
    if ((all->control = dial(server_port)) < 0) die("connect to the fake Runtime API");
    snprintf(path, sizeof path, "event/%zu", event_size);
    ask_server(all, path, said, sizeof said);
    for (struct runtime *r = all; r < all + connections; r++) r->control = all->control;
    pthread_barrier_init(&warm, NULL, (unsigned)connections + 1);
    pthread_barrier_init(&go, NULL, (unsigned)connections + 1);
    for (struct runtime *r = all; r < all + connections; r++)
        if (pthread_create(&r->thread, NULL, run, r)) die("pthread_create");
    pthread_barrier_wait(&warm);
    getrusage(RUSAGE_SELF, &before);
    start_ns = now_ns();
    pthread_barrier_wait(&go);
    for (struct runtime *r = all; r < all + connections; r++) pthread_join(r->thread, NULL);
    report(all, &before, raw);
    return 0;
}
