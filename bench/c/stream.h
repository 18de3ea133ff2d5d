/* A streamed response as the load sends it and the fake Runtime API reads it: chunks (RFC 9112,
 * 7.1) of letters whose period is PERIOD, then two trailers, as a function that streams.
 * It must never accept a byte out of its place, whatever sizes a proxy cuts the chunks to. */
#ifndef STREAM_H
#define STREAM_H

#include "wire.h"

enum { PIECE = 2849 * PERIOD }; /* every piece but the last begins the period anew */

struct streamed {
    uint64_t first_ns; /* when the first byte of content was here */
    uint64_t bytes;
    int damaged;
};

/* Reads to the end of the trailers. Returns 1, or -1 for wrong framing or a broken connection. */
static inline int read_stream(int fd, const struct message *m, char *buf, struct streamed *s) {
    enum { SIZE, EXTENSION, DATA, DATA_CR, DATA_LF, TRAILER } state = SIZE;
    uint64_t left = 0, line = 0, digits = 0;
    const char *p = m->piece, *end = p + m->have;
    memset(s, 0, sizeof *s);
    for (;;) {
        while (p < end) {
            if (state == DATA) {
                uint64_t n = (uint64_t)(end - p) < left ? (uint64_t)(end - p) : left;
                if (!s->bytes) s->first_ns = now_ns();
                if (p[0] != stream_at(s->bytes) || p[n - 1] != stream_at(s->bytes + n - 1))
                    s->damaged = 1;
                s->bytes += n;
                p += n;
                left -= n;
                if (!left) state = DATA_CR;
                continue;
            }
            char c = *p++;
            if (state == SIZE || state == EXTENSION) {
                int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f'
                                                                 ? (c | 32) - 'a' + 10 : -1;
                if (c == '\n') {
                    if (!digits) return -1;
                    state = left ? DATA : TRAILER;
                    line = digits = 0;
                } else if (state == SIZE && digit >= 0 && ++digits <= 15) {
                    left = left * 16 + (uint64_t)digit;
                } else {
                    if (state == SIZE && c != '\r' && c != ';') return -1;
                    state = EXTENSION;
                }
            } else if (state == DATA_CR) {
                if (c != '\r') return -1;
                state = DATA_LF;
            } else if (state == DATA_LF) {
                if (c != '\n') return -1;
                state = SIZE;
            } else if (c == '\n') { /* of the trailers; an empty line ends them */
                if (!line) return p == end ? 1 : -1;
                line = 0;
            } else if (c != '\r') {
                line++;
            }
        }
        ssize_t got = recv(fd, buf, CHUNK, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        p = buf;
        end = buf + got;
    }
}

/* Sends content of `bytes` bytes: PERIOD of them at once with the head, the others `nap_ns` later,
 * as a function that has to work for them. *blast_ns is when they begin. */
static inline int send_stream(int fd, const char *head, size_t nhead, const char *piece,
                              uint64_t bytes, long nap_ns, uint64_t *blast_ns) {
    static const char END[] = "\r\n0\r\nLambda-Runtime-Function-Error-Type: Bench\r\n"
                              "Lambda-Runtime-Function-Error-Body: e30=\r\n\r\n";
    char size[32];
    struct timespec nap = {0, nap_ns};
    uint64_t sent = bytes < PERIOD ? bytes : PERIOD;
    int n = snprintf(size, sizeof size, "%llx\r\n%.*s", (unsigned long long)sent, (int)sent, piece);
    if (send_all(fd, head, nhead, size, (size_t)n) < 0) return -1;
    nanosleep(&nap, NULL);
    *blast_ns = now_ns();
    while (sent < bytes) {
        uint64_t some = bytes - sent < PIECE ? bytes - sent : PIECE;
        n = snprintf(size, sizeof size, "\r\n%llx\r\n", (unsigned long long)some);
        if (send_all(fd, size, (size_t)n, piece, some) < 0) return -1;
        sent += some;
    }
    return send_all(fd, END, sizeof END - 1, NULL, 0);
}

#endif
