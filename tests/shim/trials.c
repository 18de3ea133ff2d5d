/* What a program may do with sockets, in a C library of its own. Each trial prints what it found, and
 * prints the same with the shim and without it.
 *
 *     trials NAME PORT    PORT is that of an echo server on 127.0.0.1
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static int port;
static char *self, *port_text;

static struct sockaddr_in v4(int number)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)number)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static struct sockaddr_in6 v6(const char *text, int number)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)number)};
    inet_pton(AF_INET6, text, &address.sin6_addr);
    return address;
}

static int open_v4(int flags)
{
    return socket(AF_INET, SOCK_STREAM | flags, 0);
}

static int number(int done) /* 0, or the error */
{
    return done < 0 ? errno : done;
}

static int connect_v4(int fd)
{
    struct sockaddr_in address = v4(port);
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int echoes(int fd)
{
    char byte = 'x', back = 0;
    return write(fd, &byte, 1) == 1 && read(fd, &back, 1) == 1 && back == 'x';
}

static int works(int fd) /* 0, the error, or 1000 if nothing is echoed */
{
    return connect_v4(fd) ? errno : echoes(fd) ? 0 : 1000;
}

static int exchange(void) /* the same of a new socket */
{
    int fd = open_v4(0), error = fd < 0 ? errno : works(fd);
    close(fd);
    return error;
}

static int lowest(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

static void look_up(void)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo("localhost", port_text, &hints, &found);
    if (error) {
        printf("lookup %d\n", error);
        exit(1);
    }
    freeaddrinfo(found);
}

/* -- arguments that are wrong ------------------------------------------------------------------ */

static void bad(void)
{
    long page = sysconf(_SC_PAGESIZE);
    char *pages = mmap(0, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *edge = pages + page;
    munmap(edge, page);
    struct sockaddr_in good = v4(port);
    struct sockaddr_in6 six = v6("::1", port);
    void *pointers[] = {0, (void *)1, (void *)-1, (void *)0x7fff00000000, edge, edge - 1, edge - 2, edge - 8,
                        edge - 15, &good, &six};
    unsigned sizes[] = {0, 1, 2, 15, 16, 17, 24, 28, 64, 128, 129, 1u << 30, ~0u};
    for (int family = AF_INET; family == AF_INET || family == AF_INET6; family += AF_INET6 - AF_INET)
        for (unsigned i = 0; i < sizeof pointers / sizeof *pointers; i++)
            for (unsigned j = 0; j < sizeof sizes / sizeof *sizes; j++) {
                int fd = socket(family, SOCK_STREAM, 0);
                if (pointers[i] >= (void *)pages && pointers[i] < (void *)edge)
                    memcpy(pointers[i], &family, edge - (char *)pointers[i] < 2 ? 1 : 2);
                errno = 77;
                int done = connect(fd, pointers[i], sizes[j]);
                printf("connect %d %u %u: %d %d\n", family, i, sizes[j], done, errno);
                close(fd);
            }
    memcpy(edge - sizeof good, &good, sizeof good);
    int fd = open_v4(0);
    printf("at the edge %d", number(connect(fd, (void *)(edge - sizeof good), sizeof good)));
    printf(" again %d", number(connect_v4(fd)));
    struct sockaddr_storage place;
    socklen_t size;
    unsigned rooms[] = {0, 1, 4, 15, 16, 28, sizeof place};
    for (unsigned i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        memset(&place, 0, sizeof place);
        size = rooms[i];
        errno = 77;
        int done = getpeername(fd, (struct sockaddr *)&place, &size);
        printf(" peer %d %d %u %d", done, errno, size, ntohs(((struct sockaddr_in *)&place)->sin_port) == port);
    }
    size = sizeof place;
    printf(" null %d", number(getpeername(fd, 0, &size)));
    printf(" edge %d", number(getpeername(fd, (void *)edge, &size)));
    printf(" size %d", number(getpeername(fd, (struct sockaddr *)&place, (void *)edge)));
    printf(" both %d", number(getpeername(fd, 0, 0)));
    size = 0;
    printf(" none %d %u", number(getpeername(fd, 0, &size)), size);
    close(fd);
    printf(" closed %d", number(connect_v4(fd)));
    printf(" peer %d", number(getpeername(fd, (struct sockaddr *)&place, &size)));
    printf(" nothing %d", number(connect_v4(-1)));
    fd = lowest();
    fd = open("/dev/null", O_RDONLY);
    printf(" file %d\n", number(connect_v4(fd)));
}

/* -- kinds of sockets -------------------------------------------------------------------------- */

static void kinds(void)
{
    int zero = 0, one = 1;
    struct sockaddr_un missing = {.sun_family = AF_UNIX, .sun_path = "/no/such/socket"};
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    struct sockaddr_in name = v4(port);
    struct sockaddr_in6 mapped = v6("::ffff:127.0.0.1", port), peer;
    char kernel[12] = {16}; /* struct sockaddr_nl, which musl's headers lack */
    socklen_t size = sizeof peer;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    printf("unix %d", number(connect(fd, (void *)&missing, sizeof missing)));
    fd = socket(16, SOCK_RAW, 0);
    printf(" netlink %d", number(connect(fd, (void *)kernel, sizeof kernel)));
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    printf(" udp %d", number(connect(fd, (void *)&name, sizeof name)));
    printf(" again %d", number(connect(fd, &unspecified, sizeof unspecified)));
    fd = open_v4(0);
    printf(" unspecified %d", number(connect(fd, &unspecified, sizeof unspecified)));
    printf(" unix on tcp %d", number(connect(fd, (void *)&missing, sizeof missing)));
    printf(" ipv6 on ipv4 %d", number(connect(fd, (void *)&mapped, sizeof mapped)));
    printf(" short %d", number(connect(fd, (void *)&mapped, 16)));
    printf(" then %d", works(fd));
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    printf(" mapped %d", number(connect(fd, (void *)&mapped, sizeof mapped)));
    printf(" %d", echoes(fd));
    printf(" %d", number(getpeername(fd, (void *)&peer, &size)));
    printf(" %d", !memcmp(&peer.sin6_addr, &mapped.sin6_addr, 16) && peer.sin6_port == mapped.sin6_port);
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    printf(" mapped, IPv6 only %d", number(connect(fd, (void *)&mapped, sizeof mapped)));
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    printf(" ipv4 on ipv6 %d", number(connect(fd, (void *)&name, sizeof name)));
    fd = socket(AF_INET, SOCK_STREAM, 262);
    printf(" mptcp %d", fd < 0 ? 0 : number(connect_v4(fd)));
    fd = open_v4(0);
    struct sockaddr_in any = v4(0);
    printf(" bound %d", bind(fd, (void *)&any, sizeof any));
    printf(" %d", works(fd));
    fd = open_v4(0);
    printf(" listening %d", listen(fd, 1));
    printf(" %d", number(connect_v4(fd)));
    name.sin_port = 0;
    fd = open_v4(0);
    printf(" port 0 %d\n", number(connect(fd, (void *)&name, sizeof name)));
}

static int finished(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&one, 1, 5000) != 1)
        return -1;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static void nonblocking(void)
{
    struct sockaddr_in refusing = v4(0);
    socklen_t size = sizeof refusing;
    int fd = open_v4(SOCK_NONBLOCK), held = open_v4(0);
    bind(held, (void *)&refusing, size);
    getsockname(held, (void *)&refusing, &size);
    int done = number(connect_v4(fd));
    printf("open %d %d", done, finished(fd));
    printf(" again %d", number(connect_v4(fd)));
    fd = open_v4(SOCK_NONBLOCK);
    done = number(connect(fd, (void *)&refusing, size));
    printf(" refused %d", done == EINPROGRESS ? finished(fd) : done);
    printf(" %d", finished(fd));
    fd = open_v4(SOCK_NONBLOCK);
    done = number(connect(fd, (void *)&refusing, size));
    printf(" asked again %d", number(connect(fd, (void *)&refusing, size)));
    printf(" reused %d", number(connect_v4(fd)) == EINPROGRESS ? finished(fd) : -1);
    fd = open_v4(0);
    printf(" blocking %d", number(connect(fd, (void *)&refusing, size)));
    printf(" reused %d\n", works(fd));
}

static void kept(void)
{
    int fd = open_v4(0), before = lowest();
    errno = 77;
    int done = connect_v4(fd);
    printf("connected %d %d", done, errno);
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    done = getpeername(fd, (void *)&peer, &size);
    printf(" peer %d %d %d", done, errno, ntohs(peer.sin_port) == port);
    clearenv();
    for (int i = 0; i < 50; i++) {
        look_up();
        if (exchange())
            printf(" failed");
        getpeername(fd, (void *)&peer, &size);
    }
    printf(" descriptors %d", lowest() - before);
    struct hostent *host = gethostbyname("localhost");
    printf(" host %d", host && host->h_length == 4);
    host = gethostbyname2("localhost", AF_INET);
    printf(" %d", host && host->h_length == 4);
    struct hostent place;
    char buffer[2000];
    int error = 0;
    printf(" %d", gethostbyname_r("localhost", &place, buffer, sizeof buffer, &host, &error));
    printf(" %d", host == &place);
    printf(" %d", gethostbyname_r("localhost", &place, buffer, 10, &host, &error));
    printf(" %d\n", gethostbyname2_r("localhost", AF_INET, &place, buffer, sizeof buffer, &host, &error));
}

/* -- threads, forks, signals ------------------------------------------------------------------- */

static volatile int stop;

static void *one_thread(void *data)
{
    (void)data;
    return (void *)(long)exchange();
}

static void *busy_thread(void *data)
{
    (void)data;
    while (!stop)
        exchange();
    return 0;
}

static int start_threads(pthread_t *threads, int count, void *run(void *), size_t stack)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (stack)
        pthread_attr_setstacksize(&attributes, stack);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], &attributes, run, 0))
            return 1;
    return 0;
}

static int join_threads(pthread_t *threads, int count)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        void *result = 0;
        pthread_join(threads[i], &result);
        failed += result != 0;
    }
    return failed;
}

static void threads(void)
{
    pthread_t all[100];
    printf("started %d", start_threads(all, 100, one_thread, 0));
    printf(" failed %d", join_threads(all, 100));
    printf(" small %d", start_threads(all, 20, one_thread, 16384));
    printf(" failed %d\n", join_threads(all, 20));
}

static int child_failed(pid_t child)
{
    int status = -1;
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

static void forks(void)
{
    pthread_t busy[4];
    volatile int failed = 0; /* for vfork */
    char *again[] = {self, "exchange", port_text, 0};
    start_threads(busy, 4, busy_thread, 0);
    for (int i = 0; i < 40; i++) {
        pid_t child = fork();
        if (!child)
            _exit(exchange());
        failed += child_failed(child);
    }
    printf("forked %d", failed);
    failed = 0;
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        if (!child) {
            execv(self, again);
            _exit(9);
        }
        failed += child_failed(child);
        child = vfork();
        if (!child) {
            execv(self, again);
            _exit(9);
        }
        failed += child_failed(child);
        failed += posix_spawn(&child, self, 0, 0, again, environ) || child_failed(child);
    }
    stop = 1;
    printf(" executed %d busy %d\n", failed, join_threads(busy, 4));
}

static void nothing(int signal)
{
    (void)signal;
}

static void handle(int flags)
{
    struct sigaction action = {.sa_handler = nothing, .sa_flags = flags};
    sigaction(SIGALRM, &action, 0);
}

static void every(long microseconds)
{
    struct itimerval often = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &often, 0);
}

static void signals(void)
{
    for (int restart = 0; restart < 2; restart++) {
        int wrong = 0;
        handle(restart ? SA_RESTART : 0);
        every(1000);
        for (int i = 0; i < 100; i++) {
            int fd = open_v4(0), error = number(connect_v4(fd));
            if (error == EINTR) { /* it goes on by itself (connect(2)) */
                struct pollfd one = {.fd = fd, .events = POLLOUT};
                while (poll(&one, 1, 1000) < 0)
                    ;
                error = restart ? EINTR : 0;
            }
            wrong += error != 0;
            if (i % 10 == 0)
                look_up();
            close(fd);
        }
        every(0);
        printf("%s: wrong %d\n", restart ? "restarted" : "interrupted", wrong);
    }
}

/* A connection that nobody answers, to the port of the arguments. */
static void interrupted(void)
{
    handle(0);
    every(100000);
    int fd = open_v4(0);
    int error = number(connect_v4(fd));
    every(0);
    printf("interrupted %d\n", error);
}

static void *waiting_thread(void *data)
{
    int fd = open_v4(0), type;
    if (data)
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    connect_v4(fd);
    return 0;
}

/* The same. */
static void cancelled(void)
{
    struct timespec moment = {0, 200000000};
    for (long kind = 0; kind < 2; kind++) {
        pthread_t thread;
        void *result = 0;
        pthread_create(&thread, 0, waiting_thread, (void *)kind);
        nanosleep(&moment, 0);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        printf("cancelled %d\n", result == PTHREAD_CANCELED);
    }
}

static void *asynchronous_thread(void *data)
{
    int type;
    (void)data;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    for (;;) {
        struct sockaddr_in address = v4(port);
        int fd = open_v4(SOCK_NONBLOCK);
        connect(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
    }
    return 0;
}

static void torn(void)
{
    struct timespec moment = {0, 1000000};
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        pthread_create(&thread, 0, asynchronous_thread, 0);
        nanosleep(&moment, 0);
        pthread_cancel(thread);
        pthread_join(thread, 0);
    }
    printf("then %d\n", exchange());
}

static sigjmp_buf back;

static void jump(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

/* connect(2) may be called by a handler (signal-safety(7)). */
static volatile int handled;

static void connect_in_handler(int signal)
{
    (void)signal;
    handled += exchange() == 0;
}

static void handlers(void)
{
    signal(SIGALRM, connect_in_handler);
    every(5000);
    int failed = 0;
    while (handled < 20) {
        int fd = open_v4(SOCK_NONBLOCK);
        int error = number(connect_v4(fd));
        failed += error != EINPROGRESS;
        close(fd);
    }
    every(0);
    signal(SIGALRM, jump);
    for (volatile int i = 0; i < 20; i++)
        if (!sigsetjmp(back, 1)) {
            every(3000);
            for (;;)
                exchange();
        }
    every(0);
    printf("in handlers %d then %d\n", failed, exchange());
}

/* -- descriptors ------------------------------------------------------------------------------- */

static void descriptors(void)
{
    for (int fd = 3; fd < 200; fd++)
        close(fd);
    printf("closed %d", exchange());
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 4;
    int fd = open_v4(0);
    setrlimit(RLIMIT_NOFILE, &limit);
    errno = 77;
    int done = connect_v4(fd);
    printf(" none left %d %d", done, errno);
    printf(" %d", echoes(fd));
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    done = getpeername(fd, (void *)&peer, &size);
    printf(" peer %d %d", done, errno);
    struct addrinfo hints = {.ai_family = AF_INET}, *found = 0;
    printf(" lookup %d", getaddrinfo("no-such-name.invalid", 0, &hints, &found) != 0);
    printf(" number %d\n", getaddrinfo("127.0.0.1", 0, &hints, &found));
}

static void once(void)
{
    int error = exchange();
    if (error)
        exit(1);
}

/* As long as connections take, in milliseconds: the first argument after the port says how many. */
static void timed(void)
{
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    int failed = 0;
    for (int i = 0; i < 50; i++)
        failed += exchange() != 0;
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%ld %d\n", (ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000,
           failed);
}

static void try_lookup(void)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    struct hostent place, *host = 0;
    char buffer[2000];
    int error = 0, done = gethostbyname_r("localhost", &place, buffer, sizeof buffer, &host, &error);
    printf("lookup %d", getaddrinfo("localhost", port_text, &hints, &found));
    printf(" host %d %d %d", done, host != 0, host ? 0 : error);
    host = gethostbyname("localhost");
    printf(" %d %d", host != 0, host ? 0 : h_errno);
    printf(" connect %d\n", exchange());
}

static const struct {
    const char *name;
    void (*run)(void);
    unsigned seconds;
} trials[] = {
    {"bad", bad, 20}, {"kinds", kinds, 20}, {"nonblocking", nonblocking, 20}, {"kept", kept, 20},
    {"threads", threads, 20}, {"forks", forks, 30}, {"signals", signals, 0}, {"handlers", handlers, 0},
    {"interrupted", interrupted, 0}, {"cancelled", cancelled, 20}, {"torn", torn, 20},
    {"descriptors", descriptors, 20}, {"exchange", once, 20}, {"timed", timed, 60},
    {"lookup", try_lookup, 20},
};

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    self = arguments[0], port_text = arguments[2], port = atoi(port_text);
    for (unsigned i = 0; i < sizeof trials / sizeof *trials; i++)
        if (!strcmp(trials[i].name, arguments[1])) {
            signal(SIGPIPE, SIG_IGN);
            alarm(trials[i].seconds); /* those with 0 use the alarm themselves */
            trials[i].run();
            return 0;
        }
    return 2;
}
