/* What the load client and the fake Runtime API agree on: the payload pattern, socket set-up and
 * reading one HTTP/1.1 message. It promises to copy and scan as little as it can, because the two
 * must not be what is measured; it must never accept a body that is short, shifted or damaged.
 * It is no HTTP library: Content-Length framing, which is what the real API uses here, and the
 * chunks of a streamed response (RFC 9112, 7.1) in stream.h. */
#ifndef WIRE_H
#define WIRE_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, CHUNK = 262144 };

static inline void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(2);
}

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void no_delay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline struct sockaddr_in loopback(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static inline int dial(int port) {
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        if (fd >= 0) close(fd);
        return -1;
    }
    no_delay(fd);
    return fd;
}

/* Listens on loopback and prints "port N", the one line by which a harness finds us. */
static inline int listen_and_say(int port) {
    struct sockaddr_in a = loopback(port);
    socklen_t len = sizeof a;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 128) < 0) die("listen");
    if (getsockname(fd, (struct sockaddr *)&a, &len) < 0) die("getsockname");
    printf("port %d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

/* A thread for each connection to the listener, which it is given; for ever. */
static inline void serve_all(int listener, void *(*serve)(void *)) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) continue;
        no_delay(fd);
        pthread_t t;
        if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd)) die("pthread_create");
        pthread_detach(t);
    }
}

enum { PERIOD = 23 }; /* of the letters in every body */

static inline char stream_at(uint64_t i) { return (char)('a' + i % PERIOD); }

/* Body of n bytes: {"p":"…"} around letters whose period is no power of two, so that a lost or
 * repeated block of any usual buffer size shows. Below 8 bytes only the letters remain. */
static inline char payload_at(size_t i, size_t n) {
    static const char open[] = "{\"p\":\"";
    if (n >= 8 && i < 6) return open[i];
    if (n >= 8 && i == n - 2) return '"';
    if (n >= 8 && i == n - 1) return '}';
    return stream_at(i);
}

static inline char *payload(size_t n) {
    char *p = malloc(n ? n : 1);
    if (!p) die("malloc");
    for (size_t i = 0; i < n; i++) p[i] = payload_at(i, n);
    return p;
}

static inline int send_all(int fd, const char *head, size_t nhead, const char *body, size_t nbody) {
    struct iovec v[2] = {{(void *)head, nhead}, {(void *)body, nbody}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    while (v[0].iov_len + v[1].iov_len) {
        ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        for (int i = 0; i < 2; i++) {
            size_t take = (size_t)n < v[i].iov_len ? (size_t)n : v[i].iov_len;
            v[i].iov_base = (char *)v[i].iov_base + take;
            v[i].iov_len -= take;
            n -= (ssize_t)take;
        }
    }
    return 0;
}

struct message {
    char head[HEAD_MAX + 1]; /* start line and headers, NUL-terminated */
    size_t length;           /* Content-Length */
    int chunked;             /* the body comes in chunks, and is still to be read */
    int damaged;             /* the body was not the pattern of payload_at */
    const char *piece;       /* what arrived of the body with the head, within the buffer */
    size_t have;
    int letters;       /* the body is of letters alone: a stream that a proxy has put together */
    uint64_t first_ns; /* when its first byte was here */
};

/* Value of a header, or NULL; *len gets its length. */
static inline const char *header(const struct message *m, const char *name, size_t *len) {
    size_t n = strlen(name);
    for (const char *p = strstr(m->head, "\r\n"); p && p[2]; p = strstr(p, "\r\n")) {
        p += 2;
        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            p += n + 1;
            while (*p == ' ') p++;
            *len = strcspn(p, "\r");
            return p;
        }
    }
    return NULL;
}

/* Reads a head. `buf` is CHUNK bytes. Returns 1, 0 at a clean end of the connection, -1 for wrong
 * framing. */
static inline int read_head(int fd, struct message *m, char *buf) {
    size_t have = 0, len;
    char *end = NULL;
    m->head[0] = 0;
    while (!end) {
        if (have >= HEAD_MAX) return -1;
        ssize_t n = recv(fd, buf + have, CHUNK - 1 - have, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0 && have == 0 ? 0 : -1;
        have += (size_t)n;
        buf[have] = 0;
        end = memmem(buf, have, "\r\n\r\n", 4);
    }
    size_t nhead = (size_t)(end - buf) + 2;
    if (nhead > HEAD_MAX) return -1;
    memcpy(m->head, buf, nhead);
    m->head[nhead] = 0;
    m->damaged = 0;
    const char *v = header(m, "content-length", &len);
    m->length = v ? strtoull(v, NULL, 10) : 0;
    v = header(m, "transfer-encoding", &len);
    m->chunked = v && len == 7 && strncasecmp(v, "chunked", 7) == 0;
    m->piece = end + 4;
    m->have = have - nhead - 2;
    return 1;
}

/* Reads the body of m->length bytes, comparing it with the pattern at the ends of every piece that
 * arrives: cheap, and a shifted or torn body does not pass. Returns 1, or -1 for wrong framing. */
static inline int read_body(int fd, struct message *m, char *buf) {
    const char *piece = m->piece;
    size_t n = m->have, done = 0;
    m->letters = 0;
    for (;;) {
        if (done + n > m->length) return -1; /* nobody pipelines here: surplus is damage */
        if (n && !done) {
            m->letters = piece[0] == 'a';
            m->first_ns = now_ns();
        }
        if (n && m->letters ? piece[0] != stream_at(done) || piece[n - 1] != stream_at(done + n - 1)
                            : n && (piece[0] != payload_at(done, m->length) ||
                                    piece[n - 1] != payload_at(done + n - 1, m->length)))
            m->damaged = 1;
        done += n;
        if (done == m->length) return 1;
        ssize_t got = recv(fd, buf, CHUNK, 0);
        if (got < 0 && errno == EINTR) { n = 0; continue; }
        if (got <= 0) return -1;
        piece = buf;
        n = (size_t)got;
    }
}

/* A message of a known length, whole. Returns as read_head does. */
static inline int read_message(int fd, struct message *m, char *buf) {
    int got = read_head(fd, m, buf);
    if (got != 1) return got;
    return m->chunked ? -1 : read_body(fd, m, buf);
}

#endif
