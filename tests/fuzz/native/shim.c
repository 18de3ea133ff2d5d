/* The shim against a kernel and an extension that do anything: a target for libFuzzer.
 *
 * The shim's own source, but system calls are answered by the input, and the real functions are ours.
 * With -DOWN_MAIN it brings a generator of inputs by itself, which knows libFuzzer's flags that the
 * driver gives it. libc's headers are not included: the shim has its own.
 */
#define system_call kernel_call
#include "../../../shim/system.h"
#undef system_call

#define WAIT_MS 50
#define LONGEST_SLEEP 450000
#define MOST_SILENCES 3
#define PAUSE_MS 1000
static long system_call(long number, long a, long b, long c, long d, long e);
#define connect shim_connect
#define getpeername shim_getpeername
#define getaddrinfo shim_getaddrinfo
#define gethostbyname shim_gethostbyname
#define gethostbyname2 shim_gethostbyname2
#define gethostbyname_r shim_gethostbyname_r
#define gethostbyname2_r shim_gethostbyname2_r
#include "../../../shim/shim.c"

int printf(const char *, ...);
int dprintf(int, const char *, ...);
void abort(void) __attribute__((noreturn));
void *malloc(unsigned long);
void free(void *);
int memcmp(const void *, const void *, unsigned long);
void *memcpy(void *, const void *, unsigned long);
void *memset(void *, int, unsigned long);

#define CHECK(holds) ((holds) ? (void)0 : failed(#holds, __LINE__))

static void failed(const char *what, int line)
{
    dprintf(2, "ERROR: shim.c:%d: does not hold: %s\n", line, what);
    abort();
}

/* -- the input ---------------------------------------------------------------------------------- */

static const unsigned char *data;
static unsigned long left;

static unsigned byte(void)
{
    return left ? left--, *data++ : 0;
}

static unsigned long bytes(void *to, unsigned long size) /* as many as there are; the rest is 0 */
{
    unsigned long given = size < left ? size : left;
    memset(to, 0, size);
    memcpy(to, data, given);
    data += given, left -= given;
    return given;
}

/* -- the kernel --------------------------------------------------------------------------------- */

enum { LINE = 1000, US = 1000 };
static long clock_ms, jumped;
static int lines, calls, in_real;
static int trusted; /* the open line */
static unsigned char answer[2 * (HEAD + LONGEST)];
static long answered; /* its size; 0 if there is none that counts */
static unsigned char question[HEAD + LONGEST];
static unsigned char peer[28];
static unsigned peer_size;

static long error_of(unsigned kind)
{
    static const long errors[] = {-EINTR, -EAGAIN, -EFAULT, -EINVAL, -111, -104, -24, -32};
    return errors[kind % 8];
}

static long socket_option(long level, long name, void *value, unsigned *size)
{
    unsigned kind = byte();
    CHECK(*size >= 4);
    if (kind > 250)
        return error_of(kind);
    if (level == SOL_SOCKET && name == SO_PEERCRED) {
        struct ucred *credentials = value;
        CHECK(*size == sizeof *credentials);
        credentials->uid = kind < 120 ? US : kind < 200 ? 0 : kind;
        trusted = credentials->uid == US || !credentials->uid;
        return 0;
    }
    *(int *)value = level == IPPROTO_TCP ? kind < 200 ? TCP_CLOSE : (int)kind
                    : name == SO_PROTOCOL ? kind < 128 ? IPPROTO_MPTCP : 17
                    : name == SO_BINDTOIFINDEX ? kind > 200
                                               : (int)(kind & 1);
    return 0;
}

/* A good answer, or one with a mistake, or whatever the input says. */
static void make_answer(void)
{
    static const int codes[] = {EAI_NONAME, EAI_AGAIN, EAI_FAIL, -1, -11, 0, 5, 1 << 30};
    static const unsigned delays[] = {0, 1, 200, 5000, 449999, 450001, 600000, ~0u};
    unsigned kind = byte(), mistake = byte(), family = kind & 1 ? question[4] : kind & 2 ? AF_INET : AF_INET6;
    memset(answer, 0, sizeof answer);
    answer[0] = 'F', answer[1] = 1, answer[2] = kind & 4 ? 'T' : kind & 8 ? 'E' : 'D';
    if (answer[2] == 'E') {
        memcpy(answer + HEAD, &codes[byte() % 8], 4);
        memcpy(answer + HEAD + 4, &delays[byte() % 8], 4);
        answered = HEAD + 8;
    } else if (answer[2] == 'T') {
        answer[4] = (unsigned char)family;
        answer[7] = (unsigned char)(byte() % 8);
        unsigned char *address = answer + HEAD + (family == AF_INET ? 4 : 8);
        if (family != AF_INET && byte() & 1)
            address[15] = 1;
        else if (family != AF_INET)
            address[10] = address[11] = 255, address += 12;
        if (!address[15] || family == AF_INET)
            address[0] = byte() % 8 ? 127 : 10, address[3] = 1;
        answered = HEAD + (family == AF_INET ? 16 : mistake & 16 ? 24 : 28);
    } else {
        answered = HEAD;
    }
    if (mistake < 160)
        return;
    if (mistake < 200)
        answer[byte() % 40] ^= (unsigned char)byte();
    else if (mistake < 240)
        answered = byte() % 2 ? byte() : 400 + byte();
    else
        answered = (long)bytes(answer, byte() * 4);
}

static long system_call(long number, long a, long b, long c, long d, long e)
{
    unsigned kind;
    (void)d, (void)e;
    CHECK(++calls < 100000);
    CHECK(!in_real);
    switch (number) {
    case SYS_clock_gettime:
        kind = byte();
        if (kind > 250)
            jumped += 60, clock_ms += 60; /* the machine has paused */
        clock_ms += kind % 4;
        ((struct timespec *)b)->tv_sec = clock_ms / 1000;
        ((struct timespec *)b)->tv_nsec = clock_ms % 1000 * 1000000;
        return 0;
    case SYS_socket:
        CHECK(a == AF_UNIX && b & SOCK_CLOEXEC && b & SOCK_NONBLOCK);
        if (byte() > 240)
            return -24;
        CHECK(++lines == 1);
        return LINE;
    case SYS_close:
        CHECK(a == LINE && --lines == 0);
        return 0;
    case SYS_connect:
        CHECK(a == LINE && lines == 1);
        CHECK(b == (long)&where && (unsigned long)c == where_size);
        trusted = 0;
        kind = byte();
        return kind < 200 ? 0 : error_of(kind);
    case SYS_getsockopt:
        CHECK((b == SOL_SOCKET && c == SO_PEERCRED) == (a == LINE));
        return socket_option(b, c, (void *)d, (unsigned *)e);
    case SYS_geteuid:
        return US;
    case SYS_sendto: {
        const unsigned char *message = (const unsigned char *)b;
        unsigned sum = 0;
        CHECK(a == LINE && trusted && c >= HEAD && c <= HEAD + LONGEST && d & MSG_NOSIGNAL);
        for (long i = 0; i < c; i++)
            sum += message[i]; /* the sanitizer looks */
        CHECK(sum && message[0] == 'F' && message[1] == 1);
        memcpy(question, message, (unsigned long)c);
        kind = byte();
        return kind < 230 ? c : kind < 240 ? c - 1 : error_of(kind);
    }
    case SYS_ppoll: {
        struct timespec *timeout = (struct timespec *)c;
        CHECK(timeout->tv_sec >= 0 && timeout->tv_nsec >= 0 && timeout->tv_nsec < 1000000000);
        kind = b ? byte() : 0;
        if (kind >= 200 && kind < 240)
            return 1;
        if (kind >= 240) {
            clock_ms += 1;
            return error_of(kind);
        }
        if (kind > 100)
            return 1;
        clock_ms += timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000;
        return 0;
    }
    case SYS_recvfrom:
        CHECK(a == LINE && trusted && c == HEAD + LONGEST);
        answered = 0;
        if (byte() > 240)
            return error_of(byte());
        make_answer();
        memcpy((void *)b, answer, (unsigned long)(answered < c ? answered : c));
        return answered;
    case SYS_getpeername:
        CHECK(*(unsigned *)c >= 28);
        if (byte() > 240)
            return -107;
        memcpy((void *)b, peer, peer_size);
        *(unsigned *)c = peer_size;
        return 0;
    case SYS_rt_sigprocmask:
        CHECK(a == -1 && d == 8);
        return kernel_call(number, a, b, c, d, e);
    }
    CHECK(!"a system call that the shim makes");
    return 0;
}

/* -- the real functions ------------------------------------------------------------------------- */

static int asked_fd, result, errors_left;
static const struct sockaddr *asked_address;
static unsigned asked_size;
static int reals_called;

static void begin_real(void)
{
    CHECK(!lines); /* no line is open meanwhile */
    reals_called++;
}

static int fake_connect(int fd, const struct sockaddr *address, unsigned size)
{
    const unsigned char *to = (const unsigned char *)address;
    begin_real();
    CHECK(fd == asked_fd && reals_called <= 2);
    if (address == asked_address) {
        CHECK(size == asked_size);
    } else { /* somewhere else: a port on loopback that a trusted extension has named */
        CHECK(reals_called == 1 && trusted && answered == (long)(HEAD + size));
        CHECK(answer[0] == 'F' && answer[1] == 1 && answer[2] == 'T');
        CHECK(!memcmp(to, answer + HEAD, size) && address->sa_family == asked_address->sa_family);
        CHECK(to[2] | to[3]);
        if (address->sa_family == AF_INET)
            CHECK(size >= 16 && to[4] == 127);
        else
            CHECK(size >= 24 && size <= 28 && (to[23] == 1 || to[20] == 127));
        if (errors_left) {
            static const int errors[] = {EADDRNOTAVAIL, ENETUNREACH, EINVAL, EINTR, 111, 115};
            *__errno_location() = errors[errors_left-- % 6];
            return -1;
        }
    }
    *__errno_location() = result ? result : *__errno_location();
    return result ? -1 : 0;
}

static int fake_getpeername(int fd, struct sockaddr *address, unsigned *size)
{
    (void)fd;
    begin_real();
    if (!result) {
        memcpy(address, peer, *size < peer_size ? *size : peer_size);
        *size = peer_size;
        return 0;
    }
    *__errno_location() = result;
    return -1;
}

static struct addrinfo *found_list;
static struct hostent *found_host;

static int fake_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                            struct addrinfo **found)
{
    (void)name, (void)service, (void)hints;
    begin_real();
    if (!result)
        *found = found_list;
    return result;
}

static struct hostent *fake_byname(const char *name)
{
    (void)name;
    begin_real();
    return result ? 0 : found_host;
}

static struct hostent *fake_byname2(const char *name, int family)
{
    (void)family;
    return fake_byname(name);
}

static int fake_byname2_r(const char *name, int family, struct hostent *host, char *buffer,
                          unsigned long size, struct hostent **found, int *error)
{
    (void)name, (void)family, (void)host, (void)buffer, (void)size, (void)error;
    begin_real();
    *found = result ? 0 : found_host;
    return result;
}

static int fake_byname_r(const char *name, struct hostent *host, char *buffer, unsigned long size,
                         struct hostent **found, int *error)
{
    return fake_byname2_r(name, 0, host, buffer, size, found, error);
}

/* -- what a program does ------------------------------------------------------------------------- */

static void try_connect(void)
{
    unsigned kind = byte(), size = kind & 1 ? 16 : kind & 2 ? 28 : byte();
    struct sockaddr *address = malloc(size ? size : 1); /* the sanitizer sees what is beyond */
    bytes(address, size);
    if (size >= 16 && kind & 4)
        address->sa_family = size >= 24 ? AF_INET6 : AF_INET;
    asked_fd = (int)byte(), result = byte() > 200 ? 111 : 0;
    errors_left = byte() % 12;
    asked_address = address, asked_size = size;
    int done = connect(asked_fd, address, size);
    CHECK(reals_called && (done == 0 || done == -1));
    if (!done)
        CHECK(*__errno_location() == 77);
    free(address);
    asked_address = (void *)(unsigned long)(byte() & 1), asked_size = 16 + (byte() & 15);
    reals_called = 0;
    connect(asked_fd, asked_address, asked_size); /* a bad pointer is the kernel's to refuse */
    CHECK(reals_called == 1);
}

static void try_getpeername(void)
{
    unsigned room = byte() % 40, size = room;
    unsigned char *address = malloc(room ? room : 1);
    peer_size = byte() & 1 ? 16 : 28;
    bytes(peer, sizeof peer);
    memset(peer, 0, 2);
    peer[0] = peer_size == 16 ? AF_INET : AF_INET6;
    if (byte() & 1)
        peer[4] = 127;
    result = byte() > 220 ? 107 : 0;
    int done = getpeername(4, (struct sockaddr *)address, &size);
    CHECK(done == (result ? -1 : 0) && reals_called == 1);
    CHECK(result || size == peer_size);
    CHECK(*__errno_location() == (result ? result : 77));
    free(address);
}

static void try_lookup(void)
{
    unsigned kind = byte(), size = kind & 1 ? byte() : kind % 16, count = byte() % 40;
    char *name = malloc(size + 1);
    struct addrinfo list[40], hints = {.ai_flags = kind & 2 ? AI_NUMERICHOST : 0}, *found = 0;
    unsigned char addresses[40][28];
    char *pointers[41];
    struct hostent host = {.h_addr_list = pointers, .h_length = 16}, place, *found_one = 0;
    int code = 0, refused_by = -1;
    bytes(name, size);
    name[size] = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes(addresses[i], 28);
        unsigned family = i % 3 == 2 ? addresses[i][0] : i % 3 ? AF_INET6 : AF_INET;
        list[i] = (struct addrinfo){.ai_family = (int)family, .ai_addr = (void *)addresses[i]};
        list[i].ai_next = i + 1 < count ? &list[i + 1] : 0;
        pointers[i] = (char *)addresses[i];
    }
    pointers[count] = 0;
    host.h_addrtype = kind & 4 ? AF_INET6 : kind & 8 ? AF_INET : (int)byte();
    found_list = count ? list : 0, found_host = &host;
    result = byte() > 220 ? 34 : 0;
    switch (kind >> 5) {
    case 0:
        code = gethostbyname_r(name, &place, 0, 0, &found_one, &refused_by);
        break;
    case 1:
        code = gethostbyname2_r(name, AF_INET, &place, 0, 0, &found_one, &refused_by);
        break;
    case 2:
        found_one = gethostbyname(name);
        break;
    case 3:
        found_one = gethostbyname2(name, AF_INET6);
        break;
    default:
        code = getaddrinfo(name, 0, kind & 16 ? &hints : 0, &found);
        CHECK(reals_called || code == EAI_NONAME || code == EAI_AGAIN || code == EAI_FAIL);
        CHECK(!reals_called || code == result);
        CHECK(code || found == found_list);
        free(name);
        return;
    }
    CHECK(reals_called || !found_one);
    CHECK(reals_called || code == 0 || code == EAGAIN);
    CHECK(!reals_called || result || found_one == &host);
    free(name);
}

int LLVMFuzzerTestOneInput(const unsigned char *input, unsigned long size)
{
    static const char path[] = "\0faultlayer-fuzz";
    data = input, left = size;
    clock_ms = 1000, silences = 0, ask_again = 0;
    where.sun_family = AF_UNIX;
    memcpy(where.sun_path, path, sizeof path);
    where_size = byte() == 255 ? 0 : (unsigned)(2 + sizeof path - 1);
    static void *fakes[REALS] = {
        (void *)fake_connect, (void *)fake_getpeername, (void *)fake_getaddrinfo, (void *)fake_byname,
        (void *)fake_byname2, (void *)fake_byname_r, (void *)fake_byname2_r, 0};
    for (int i = 0; i < REALS; i++)
        reals[i] = fakes[i];
    while (left) {
        long began = clock_ms;
        calls = reals_called = 0, answered = 0, trusted = 0, jumped = 0;
        *__errno_location() = 77;
        unsigned kind = byte();
        if (kind < 100)
            try_connect();
        else if (kind < 150)
            try_getpeername();
        else
            try_lookup();
        CHECK(!lines); /* none is left open */
        CHECK(clock_ms - began - jumped <= LONGEST_SLEEP + 3 * (1 + MOST_PAUSES) * WAIT_MS + 4 * calls);
    }
    return 0;
}

/* The tables of the objects that are really loaded here, under the sanitizers. */
__attribute__((constructor)) static void look_around(void)
{
    look_up();
    CHECK(reals[R_CONNECT] && reals[R_GETADDRINFO] && reals[R_BYNAME2_R] && reals[R_ENVIRON]);
}

#ifdef OWN_MAIN
int strncmp(const char *, const char *, unsigned long);
long atol(const char *);
long time(long *);
void *fopen(const char *, const char *);
unsigned long fread(void *, unsigned long, unsigned long, void *);
unsigned long fwrite(const void *, unsigned long, unsigned long, void *);
int fclose(void *);
int snprintf(char *, unsigned long, const char *, ...);
void *opendir(const char *);
void *readdir(void *);
int closedir(void *);
void __sanitizer_set_death_callback(void (*)(void));
void *signal(int, void (*)(int));

static unsigned char current[4096];
static unsigned long current_size;
static const char *prefix = "";

static void keep_current(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%scrash-own", prefix);
    void *file = fopen(path, "w");
    if (file) {
        fwrite(current, 1, current_size, file);
        fclose(file);
    }
}

static void aborted(int number)
{
    (void)number;
    signal(6, 0);
    keep_current();
}

static unsigned long state;

static unsigned long next(unsigned long below) /* xorshift64* */
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (state * 2685821657736338717ul >> 33) % below;
}

static void run_file(const char *path)
{
    void *file = fopen(path, "r");
    if (!file)
        return;
    current_size = fread(current, 1, sizeof current, file);
    fclose(file);
    LLVMFuzzerTestOneInput(current, current_size);
}

int main(int count, char **arguments)
{
    long seconds = -1, runs = 0, ends;
    state = 1;
    for (int i = 1; i < count; i++) {
        if (!strncmp(arguments[i], "-max_total_time=", 16))
            seconds = atol(arguments[i] + 16);
        else if (!strncmp(arguments[i], "-seed=", 6))
            state = (unsigned long)atol(arguments[i] + 6) + 1;
        else if (!strncmp(arguments[i], "-artifact_prefix=", 17))
            prefix = arguments[i] + 17;
    }
    __sanitizer_set_death_callback(keep_current);
    signal(6, aborted);
    for (int i = 1; i < count; i++)
        if (arguments[i][0] != '-')
            run_file(arguments[i]);
    for (ends = time(0) + seconds; time(0) < ends;)
        for (int i = 0; i < 1000; i++, runs++) {
            current_size = 1 + next(next(4) ? 200 : sizeof current);
            /* bytes of a kind after one another: most calls succeed, and some do not */
            unsigned long kinds = next(3), mask = kinds == 0 ? 255 : kinds == 1 ? 127 : 63;
            for (unsigned long j = 0; j < current_size; j++)
                current[j] = (unsigned char)(next(16) ? next(256) & mask : next(256));
            LLVMFuzzerTestOneInput(current, current_size);
        }
    dprintf(2, "stat::number_of_executed_units: %ld\n", runs);
    return 0;
}
#endif
