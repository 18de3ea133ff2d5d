/* The yardstick: a plain blocking TCP forwarder that knows nothing of HTTP.
 *
 *   forwarder UPSTREAM_PORT [PORT]      prints "port N"
 *
 * One thread per direction, recv then send of up to 64 KiB, TCP_NODELAY; it must stay this plain,
 * since the product's speed target is stated as a multiple of what it adds. */
#include "wire.h"

static int upstream_port;

struct pair { int from, to; };

static void *pump(void *arg) {
    struct pair *p = arg;
    char buf[65536];
    ssize_t n;
    while ((n = recv(p->from, buf, sizeof buf, 0)) > 0)
        if (send_all(p->to, buf, (size_t)n, NULL, 0) < 0) break;
    shutdown(p->to, SHUT_WR);
    if (n != 0) shutdown(p->from, SHUT_RD);
    return NULL;
}

static void *serve(void *arg) {
    int client = (int)(intptr_t)arg, upstream = dial(upstream_port);
    if (upstream >= 0) {
        struct pair out = {client, upstream}, in = {upstream, client};
        pthread_t t;
        if (pthread_create(&t, NULL, pump, &out)) die("pthread_create");
        pump(&in);
        pthread_join(t, NULL);
        close(upstream);
    }
    close(client);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: forwarder UPSTREAM_PORT [PORT]\n");
        return 2;
    }
    upstream_port = atoi(argv[1]);
    int listener = listen_and_say(argc > 2 ? atoi(argv[2]) : 0);
    serve_all(listener, serve);
}
