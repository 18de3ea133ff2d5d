/* A fake Lambda Runtime API and Extensions API, cheap enough not to be what is measured: one
 * blocking thread per connection.
 *
 *   server [PORT]          prints "port N", then "register NS" (CLOCK_MONOTONIC) per registration
 *
 * The load sets the size of the events by GET /bench/event/SIZE, and asks after the last streamed
 * response by GET /bench/stream, both past any proxy: some pass no header on.
 * It must never answer 202 to a response whose request id is not outstanding or whose body is not
 * the pattern in wire.h or stream.h: a wrong proxy has to fail, not to look fast. */
#include "stream.h"

#include <stdatomic.h>

enum { SLOTS = 1 << 16, SIZES = 64 };

struct event { char *bytes; size_t size; };

static struct event events[SIZES]; /* those ever asked for: a connection may still be sending one */
static int known;
static _Atomic(struct event *) current;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct streamed last_stream;

static atomic_uint_fast64_t issued;
static _Atomic uint64_t outstanding[SLOTS]; /* the invocation number waiting for its response */

static const char RUNTIME[] = "/2018-06-01/runtime/invocation/";
static const char ARN[] = "arn:aws:lambda:eu-west-1:123456789012:function:bench";

static int reply(int fd, const char *status, const char *extra, const char *body) {
    char head[512];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%s"
                     "Date: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Length: %zu\r\n\r\n",
                     status, extra, strlen(body));
    return send_all(fd, head, (size_t)n, body, strlen(body));
}

static int set_event(int fd, size_t size) {
    pthread_mutex_lock(&lock);
    struct event *e = events;
    while (e < events + known && e->size != size) e++;
    int full = e == events + SIZES;
    if (!full && e == events + known) {
        e->bytes = payload(size);
        e->size = size;
        known++;
    }
    if (!full) atomic_store(&current, e);
    pthread_mutex_unlock(&lock);
    return full ? -1 : reply(fd, "200 OK", "", "{}");
}

static int tell_stream(int fd) {
    char said[128];
    pthread_mutex_lock(&lock);
    snprintf(said, sizeof said, "%llu %llu", (unsigned long long)last_stream.first_ns,
             (unsigned long long)last_stream.bytes);
    pthread_mutex_unlock(&lock);
    return reply(fd, "200 OK", "", said);
}

static int send_event(int fd) {
    struct event *e = atomic_load(&current);
    uint64_t n = atomic_fetch_add(&issued, 1) + 1;
    atomic_store(&outstanding[n % SLOTS], n);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    long long deadline = (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 30000;
    char head[1024];
    unsigned long long id = n;
    int used = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-4c1e-9a3c-%012llx\r\n"
        "Lambda-Runtime-Deadline-Ms: %lld\r\nLambda-Runtime-Invoked-Function-Arn: %s\r\n"
        "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;"
        "Parent=9a9197af755a6419;Sampled=1\r\n"
        "Lambda-Runtime-Invocation-Id: 3f1c5b7e-0d2a-4b9c-8e6f-%012llx\r\n"
        "Date: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Length: %zu\r\n\r\n",
        id, deadline, ARN, id, e->size);
    return send_all(fd, head, (size_t)used, e->bytes, e->size);
}

static int take_response(int fd, const char *path, struct message *m, char *buf) {
    /* path: 8476a536-e9f4-4c1e-9a3c-XXXXXXXXXXXX/response */
    unsigned long long n = 0;
    struct streamed s = {m->first_ns, m->length, m->damaged};
    if (m->chunked && read_stream(fd, m, buf, &s) < 0) return -1;
    int damaged = s.damaged;
    if (m->chunked || m->letters) {
        pthread_mutex_lock(&lock);
        last_stream = s;
        pthread_mutex_unlock(&lock);
    }
    if (damaged || sscanf(path, "8476a536-e9f4-4c1e-9a3c-%12llx/response", &n) != 1 || n == 0 ||
        atomic_exchange(&outstanding[n % SLOTS], 0) != n)
        return reply(fd, "400 Bad Request", "", "{\"errorType\":\"InvalidRequestID\"}");
    return reply(fd, "202 Accepted", "", "{\"status\":\"OK\"}\n");
}

static int registered(int fd, uint64_t at) {
    printf("register %llu\n", (unsigned long long)at);
    fflush(stdout);
    return reply(fd, "200 OK",
                 "Lambda-Extension-Identifier: 5b3ad1c2-0000-4000-8000-000000000001\r\n",
                 "{\"functionName\":\"bench\",\"functionVersion\":\"$LATEST\","
                 "\"handler\":\"bench.handler\",\"accountId\":\"123456789012\"}");
}

static int route(int fd, struct message *m, char *buf, uint64_t at) {
    static const char EXT[] = "/2020-01-01/extension/", OWN[] = "/bench/";
    const char *path = strchr(m->head, ' ');
    if (!path) return -1;
    path++;
    if (strncmp(path, RUNTIME, sizeof RUNTIME - 1) == 0) {
        path += sizeof RUNTIME - 1;
        return strncmp(path, "next ", 5)
                   ? take_response(fd, path, m, buf)
                   : send_event(fd);
    }
    if (strncmp(path, OWN, sizeof OWN - 1) == 0) {
        path += sizeof OWN - 1;
        if (strncmp(path, "event/", 6) == 0) return set_event(fd, strtoull(path + 6, NULL, 10));
        return tell_stream(fd);
    }
    if (strncmp(path, EXT, sizeof EXT - 1) == 0) {
        path += sizeof EXT - 1;
        if (strncmp(path, "register ", 9) == 0) return registered(fd, at);
        char c;
        while (recv(fd, &c, 1, 0) > 0) {} /* event/next: no event ever comes */
        return -1;
    }
    return reply(fd, "404 Not Found", "", "{\"errorType\":\"NotFound\"}");
}

static void *serve(void *arg) {
    int fd = (int)(intptr_t)arg;
    struct message *m = malloc(sizeof *m);
    char *buf = malloc(CHUNK);
    if (!m || !buf) die("malloc");
    for (;;) {
        if (read_head(fd, m, buf) != 1) break;
        if (!m->chunked && read_body(fd, m, buf) != 1) break;
        if (route(fd, m, buf, now_ns()) < 0) break;
    }
    free(m);
    free(buf);
    close(fd);
    return NULL;
}

int main(int argc, char **argv) {
    int listener = listen_and_say(argc > 1 ? atoi(argv[1]) : 0);
    signal(SIGPIPE, SIG_IGN);
    events[known++] = (struct event){payload(1024), 1024};
    atomic_store(&current, events);
    serve_all(listener, serve);
}
