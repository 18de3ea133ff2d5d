/* The shim: loaded into the function by LD_PRELOAD, so that its outgoing connections can be faulted.
 *
 *     connect(address) ── "where to?" ──> extension ──> the address itself, the relay, a closed port
 *                                                       or a full backlog: the kernel makes the error
 *     getaddrinfo(name) ── "may it?"  ──> extension ──> yes, or the resolver's error
 *
 * Its only state is what its constructor read, and how often the extension was silent, so threads, forks
 * and signals need no care. No line to the extension is open while a real function runs. It is linked
 * against nothing: system calls are made here, and the real functions are looked up in the ELF
 * tables of the loaded objects, since `dlsym` is in another library before glibc 2.34. So one binary
 * runs under glibc from 2.17 on and under musl.
 *
 * If the extension is gone, slow (WAIT_MS) or answers nonsense, the call goes on as if the shim were not
 * here. errno is left as the real function leaves it. protocol.md describes the messages.
 */
#include "system.h"

#ifndef WAIT_MS
#define WAIT_MS 50          /* for the extension's answer: then the call goes on by itself */
#define LONGEST_SLEEP 450000 /* ms: what resolv.conf(5) allows: five attempts, three servers, 30 s */
#define MOST_SILENCES 3     /* in a row: then the extension is asked once in PAUSE_MS only */
#define PAUSE_MS 1000
#endif
enum { LATE_MS = 5, MOST_PAUSES = 3 }; /* a wait that ends so late was a pause of the machine */

enum { VERSION = 1, HEAD = 4, LONGEST = 512, LONGEST_NAME = 255 };
enum { HELLO = 'H', CONNECT = 'C', RESOLVE = 'R', LEARNED = 'L', PEER = 'P' };
enum { DIRECT = 'D', TO = 'T', FAIL = 'E' };
enum { V6ONLY = 1 };

/* The extension's socket, read once: a program may change its environment later. */
static struct sockaddr_un where;
static unsigned where_size;

/* The extension may be stopped: that must not cost WAIT_MS for each connection. */
static int silences; /* in a row */
static long ask_again; /* ms */

/* A question and, in its place, the answer. `size` is that of the data. */
struct message {
    unsigned char head[HEAD], data[LONGEST];
    unsigned size;
};

/* -- text and memory --------------------------------------------------------------------------- */

static void copy(void *to, const void *from, unsigned long size)
{
    volatile unsigned char *t = to; /* volatile: the compiler must not call memcpy */
    const unsigned char *f = from;
    while (size--)
        *t++ = *f++;
}

static unsigned long length(const char *text, unsigned long most)
{
    unsigned long at = 0;
    while (at < most && text[at])
        at++;
    return at;
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* -- the real functions ------------------------------------------------------------------------ */

typedef int connect_fn(int, const struct sockaddr *, unsigned);
typedef int getpeername_fn(int, struct sockaddr *, unsigned *);
typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);
typedef struct hostent *gethostbyname_fn(const char *);
typedef struct hostent *gethostbyname2_fn(const char *, int);
typedef int gethostbyname_r_fn(const char *, struct hostent *, char *, unsigned long,
                               struct hostent **, int *);
typedef int gethostbyname2_r_fn(const char *, int, struct hostent *, char *, unsigned long,
                                struct hostent **, int *);

enum real { R_CONNECT, R_GETPEERNAME, R_GETADDRINFO, R_BYNAME, R_BYNAME2, R_BYNAME_R, R_BYNAME2_R,
            R_ENVIRON, REALS };
static const char names[REALS][20] = {
    "connect", "getpeername", "getaddrinfo", "gethostbyname", "gethostbyname2", "gethostbyname_r",
    "gethostbyname2_r", "environ",
};
static void *reals[REALS];

/* A loaded object's symbols and their hash table: DT_GNU_HASH, or else DT_HASH. */
struct tables {
    const struct symbol *symbols;
    const char *strings;
    const unsigned *gnu, *hash;
};

static const void *at(unsigned long base, unsigned long pointer)
{
    /* glibc has relocated the pointers of a dynamic section, musl has not */
    return (const void *)(pointer < base ? base + pointer : pointer);
}

static int read_tables(struct dl_phdr_info *object, struct tables *found)
{
    const struct dynamic *entry = 0;
    found->symbols = 0, found->strings = 0, found->gnu = 0, found->hash = 0;
    for (int i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
    for (; entry && entry->d_tag; entry++) {
        const void *value = at(object->dlpi_addr, entry->d_val);
        if (entry->d_tag == DT_SYMTAB)
            found->symbols = value;
        else if (entry->d_tag == DT_STRTAB)
            found->strings = value;
        else if (entry->d_tag == DT_HASH)
            found->hash = value;
        else if (entry->d_tag == DT_GNU_HASH)
            found->gnu = value;
    }
    return found->symbols && found->strings && (found->gnu || found->hash);
}

static void *defined(unsigned long base, const struct tables *tables, unsigned index, const char *name)
{
    const struct symbol *symbol = &tables->symbols[index];
    unsigned kind = symbol->st_info & 15;
    if (!symbol->st_shndx || !symbol->st_value || (kind != STT_FUNC && kind != STT_OBJECT))
        return 0;
    return same(tables->strings + symbol->st_name, name) ? (void *)(base + symbol->st_value) : 0;
}

/* https://flapenguin.me/elf-dt-gnu-hash and the System V ABI, "Hash Table" */
static void *find(unsigned long base, const struct tables *tables, const char *name)
{
    void *found = 0;
    if (tables->gnu) {
        unsigned buckets = tables->gnu[0], first = tables->gnu[1], words = tables->gnu[2], hash = 5381;
        const unsigned *bucket = tables->gnu + 4 + words * (sizeof(long) / sizeof(unsigned));
        const unsigned *chain = bucket + buckets;
        for (const char *c = name; *c; c++)
            hash = hash * 33 + (unsigned char)*c;
        unsigned index = buckets ? bucket[hash % buckets] : 0;
        for (; index >= first && index && !found; index++) {
            if ((chain[index - first] | 1) == (hash | 1))
                found = defined(base, tables, index, name);
            if (chain[index - first] & 1)
                break;
        }
        return found;
    }
    unsigned buckets = tables->hash[0], hash = 0;
    for (const char *c = name; *c; c++) {
        hash = (hash << 4) + (unsigned char)*c;
        hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
    }
    unsigned index = buckets ? tables->hash[2 + hash % buckets] : 0;
    for (; index && !found; index = tables->hash[2 + buckets + index])
        found = defined(base, tables, index, name);
    return found;
}

static int holds(struct dl_phdr_info *object, const void *place)
{
    unsigned long address = (unsigned long)place - object->dlpi_addr;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const struct program_header *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && address - part->p_vaddr < part->p_memsz)
            return 1;
    }
    return 0;
}

/* For each function the first definition after ours, as RTLD_NEXT would find it: one before ours may
 * call ours. `environ` is the first of all, since a program may have a copy of its own, which counts.
 * `data`: whether ours has been passed. */
static int look_into(struct dl_phdr_info *object, unsigned long size, void *data)
{
    struct tables tables;
    int *passed = data, missing = 0;
    (void)size;
    if (holds(object, names)) {
        *passed = 1;
        return 0;
    }
    if (!read_tables(object, &tables))
        return 0;
    for (int real = 0; real < REALS; real++) {
        if (!reals[real] && (*passed || real == R_ENVIRON))
            __atomic_store_n(&reals[real], find(object->dlpi_addr, &tables, names[real]),
                             __ATOMIC_RELEASE);
        missing |= !reals[real];
    }
    return !missing; /* ends the search */
}

static void look_up(void)
{
    int passed = 0;
    if (dl_iterate_phdr)
        dl_iterate_phdr(look_into, &passed);
}

static void *real(enum real which)
{
    void *found = __atomic_load_n(&reals[which], __ATOMIC_ACQUIRE);
    if (!found) { /* a constructor of another object came before ours */
        look_up();
        found = __atomic_load_n(&reals[which], __ATOMIC_ACQUIRE);
    }
    return found;
}

static int error_number(void)
{
    return __errno_location ? *__errno_location() : 0;
}

static void set_error_number(int error)
{
    if (__errno_location)
        *__errno_location() = error;
}

static void set_h_errno(int error)
{
    if (__h_errno_location)
        *__h_errno_location() = error;
}

/* False if the kernel would say EFAULT. It reads the eight bytes around, and then refuses `how`. */
static int is_readable(const void *pointer)
{
    long around = (long)((unsigned long)pointer & ~7ul);
    return system_call(SYS_rt_sigprocmask, -1, around, 0, 8, 0) != -EFAULT && pointer;
}

/* -- questions to the extension ---------------------------------------------------------------- */

static long milliseconds(void)
{
    struct timespec now = {0, 0};
    system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int waited(int fd, int events, long until)
{
    for (;;) {
        long left = until - milliseconds();
        left = left < 0 ? 0 : left;
        struct timespec timeout = {left / 1000, left % 1000 * 1000000};
        struct pollfd one = {fd, (short)events, 0};
        long ready = system_call(SYS_ppoll, (long)&one, fd >= 0, (long)&timeout, 0, 0);
        if (ready > 0)
            return 1;
        if (ready != -EINTR)
            return 0;
    }
}

/* Only the user's own processes, or root's, may tell where connections go. */
static int is_trusted(int fd)
{
    struct ucred peer = {0, ~0u, 0};
    unsigned size = sizeof peer;
    if (system_call(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&size) < 0)
        return 0;
    return peer.uid == 0 || peer.uid == (unsigned)system_call(SYS_geteuid, 0, 0, 0, 0, 0);
}

static int open_line(long until)
{
    if (!where_size)
        return -1;
    int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int fd = (int)system_call(SYS_socket, AF_UNIX, type, 0, 0, 0);
    while (fd >= 0) {
        long error = system_call(SYS_connect, fd, (long)&where, where_size, 0, 0);
        if (!error && is_trusted(fd))
            return fd;
        if (error != -EAGAIN && error != -EINTR)
            break;
        long pause = milliseconds() + 1; /* the extension's backlog is full */
        if (pause > until)
            break;
        waited(-1, 0, pause);
    }
    if (fd >= 0)
        system_call(SYS_close, fd, 0, 0, 0, 0);
    return -1;
}

static int may_ask(long now)
{
    if (!where_size)
        return 0;
    if (__atomic_load_n(&silences, __ATOMIC_RELAXED) < MOST_SILENCES)
        return 1;
    if (now < __atomic_load_n(&ask_again, __ATOMIC_RELAXED))
        return 0;
    __atomic_store_n(&ask_again, now + PAUSE_MS, __ATOMIC_RELAXED); /* the others go on meanwhile */
    return 1;
}

static void count_silence(int silent, long now)
{
    int before = __atomic_load_n(&silences, __ATOMIC_RELAXED);
    int after = !silent ? 0 : before < MOST_SILENCES ? before + 1 : before;
    if (silent)
        __atomic_store_n(&ask_again, now + PAUSE_MS, __ATOMIC_RELAXED);
    if (after != before)
        __atomic_store_n(&silences, after, __ATOMIC_RELAXED);
}

static int say(int line, int what, int flags, struct message *message)
{
    message->head[0] = 'F', message->head[1] = VERSION;
    message->head[2] = (unsigned char)what, message->head[3] = (unsigned char)flags;
    long size = HEAD + (long)message->size;
    return system_call(SYS_sendto, line, (long)message, size, MSG_NOSIGNAL | MSG_DONTWAIT, 0) == size;
}

/* Send a message that has no answer. `until`: the time by which the line must be open. */
static void tell(int what, struct message *message, long until)
{
    int line = open_line(until);
    if (line < 0)
        return;
    say(line, what, 0, message);
    system_call(SYS_close, line, 0, 0, 0, 0);
}

/* While the machine pauses (a share of a CPU that is used up, a freeze), the extension cannot answer. */
static int waited_for_answer(int line, long until)
{
    for (int pauses = 0; !waited(line, POLLIN, until); pauses++) {
        long now = milliseconds();
        if (now - until < LATE_MS || pauses == MOST_PAUSES)
            return 0;
        until = now + WAIT_MS;
    }
    return 1;
}

/* Ask; return the answer's kind, its data in the question's place. DIRECT if no valid one is in time. */
static int ask(int what, int flags, struct message *message)
{
    long now = milliseconds(), until = now + WAIT_MS, got = 0;
    if (!may_ask(now))
        return DIRECT;
    int line = open_line(until), silent = 0;
    if (line >= 0) {
        int said = say(line, what, flags, message);
        silent = said && !waited_for_answer(line, until);
        if (said && !silent)
            got = system_call(SYS_recvfrom, line, (long)message, HEAD + LONGEST,
                              MSG_DONTWAIT | MSG_TRUNC, 0);
        system_call(SYS_close, line, 0, 0, 0, 0);
    }
    now = milliseconds();
    count_silence(silent || (line < 0 && now >= until), now);
    if (got < HEAD || got > HEAD + LONGEST || message->head[0] != 'F' || message->head[1] != VERSION)
        return DIRECT;
    message->size = (unsigned)(got - HEAD);
    return message->head[2];
}

/* -- connections ------------------------------------------------------------------------------- */

static int real_connect(int fd, const void *address, unsigned size)
{
    connect_fn *next = (connect_fn *)real(R_CONNECT);
    if (next)
        return next(fd, address, size);
    long done = system_call(SYS_connect, fd, (long)address, size, 0, 0);
    if (done < 0)
        set_error_number((int)-done);
    return done < 0 ? -1 : 0;
}

static int option(int fd, int level, int name)
{
    int value = 0;
    unsigned size = sizeof value;
    if (system_call(SYS_getsockopt, fd, level, name, (long)&value, (long)&size) < 0)
        return -1;
    return value;
}

/* The state of a TCP socket (tcp(7)); -1 if it is no TCP socket. */
static int tcp_state(int fd)
{
    int info = option(fd, IPPROTO_TCP, TCP_INFO); /* its first byte */
    if (info == -1)
        return option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_MPTCP ? TCP_CLOSE : -1;
    return info & 255;
}

/* The size of the address to ask about (bytes); 0 if only the kernel judges it. */
static unsigned size_to_ask(int fd, const struct sockaddr *address, unsigned size)
{
    if (!where_size || size < sizeof(struct sockaddr_in) || size > SIZE_OF_SOCKADDR_STORAGE)
        return 0;
    /* a connection that has begun is only asked how it goes; a network card may not reach loopback */
    if (tcp_state(fd) != TCP_CLOSE || option(fd, SOL_SOCKET, SO_BINDTOIFINDEX) > 0)
        return 0;
    if (!is_readable(address))
        return 0;
    if (!is_readable((const char *)address + size - 1))
        return 0;
    if (address->sa_family == AF_INET)
        return sizeof(struct sockaddr_in);
    if (address->sa_family != AF_INET6 || size < LEAST_SOCKADDR_IN6)
        return 0;
    return size < SIZE_OF_SOCKADDR_IN6 ? size : SIZE_OF_SOCKADDR_IN6;
}

static int is_loopback(const void *address, unsigned size)
{
    const unsigned char *bytes = address;
    static const unsigned char mapped[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127};
    static const unsigned char loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    int v4 = 1, v6 = 1;
    if (size < sizeof(struct sockaddr_in))
        return 0;
    if (((const struct sockaddr *)address)->sa_family == AF_INET)
        return bytes[4] == 127;
    if (((const struct sockaddr *)address)->sa_family != AF_INET6 || size < LEAST_SOCKADDR_IN6)
        return 0;
    for (int i = 0; i < 16; i++) {
        v6 &= bytes[8 + i] == loopback[i];
        v4 &= i > 12 || bytes[8 + i] == mapped[i];
    }
    return v4 || v6;
}

/* True if the answer is a port on loopback for a socket of this family. */
static int leads_on(const struct message *answer, int family)
{
    const struct sockaddr_in *to = (const struct sockaddr_in *)answer->data;
    return answer->size <= SIZE_OF_SOCKADDR_IN6 && is_loopback(to, answer->size) &&
           to->sin_family == family && to->sin_port;
}

/* A socket that is bound to an address may not reach loopback. */
static int cannot_reach(int error)
{
    return error == EADDRNOTAVAIL || error == ENETUNREACH || error == EHOSTUNREACH || error == EINVAL;
}

HOOK int connect(int fd, const struct sockaddr *address, unsigned size)
{
    struct message message;
    message.size = size_to_ask(fd, address, size);
    if (!message.size)
        return real_connect(fd, address, size);
    copy(message.data, address, message.size);
    int family = ((struct sockaddr *)message.data)->sa_family;
    int flags = family == AF_INET6 && option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1 ? V6ONLY : 0;
    if (ask(CONNECT, flags, &message) == TO && leads_on(&message, family)) {
        int before = error_number();
        int done = real_connect(fd, message.data, message.size);
        if (!done || !cannot_reach(error_number()))
            return done;
        set_error_number(before);
    }
    return real_connect(fd, address, size);
}

/* The peer of a connection through the relay is the host that the program meant. */
HOOK int getpeername(int fd, struct sockaddr *address, unsigned *size)
{
    struct message message;
    unsigned room = is_readable(size) ? *size : 0;
    getpeername_fn *next = (getpeername_fn *)real(R_GETPEERNAME);
    int done = -1;
    if (next) {
        done = next(fd, address, size);
    } else {
        long result = system_call(SYS_getpeername, fd, (long)address, (long)size, 0, 0);
        done = result < 0 ? -1 : 0;
        if (done)
            set_error_number((int)-result);
    }
    if (done || !where_size || tcp_state(fd) < 0)
        return done;
    message.size = LONGEST; /* all of it: the program may have room for a part */
    if (system_call(SYS_getpeername, fd, (long)message.data, (long)&message.size, 0, 0) < 0 ||
        !is_loopback(message.data, message.size))
        return 0;
    unsigned whole = message.size;
    int family = ((struct sockaddr *)message.data)->sa_family;
    if (ask(PEER, 0, &message) == TO && message.size == whole &&
        ((struct sockaddr *)message.data)->sa_family == family)
        copy(address, message.data, room < whole ? room : whole);
    return 0;
}

/* -- names ------------------------------------------------------------------------------------- */

static int is_name(const char *name)
{
    int digits = 1;
    if (!where_size || !name || !*name || length(name, LONGEST_NAME + 1) > LONGEST_NAME)
        return 0;
    for (const char *c = name; *c; c++) {
        if (*c == ':')
            return 0; /* an IPv6 address */
        digits &= (*c >= '0' && *c <= '9') || *c == '.';
    }
    return !digits;
}

/* Wait for as long as a fault says, and return its EAI error; 0 if the name may be resolved. */
APART static int refused(const char *name)
{
    struct message message;
    int code = 0;
    unsigned delay = 0;
    message.size = (unsigned)length(name, LONGEST_NAME);
    copy(message.data, name, message.size);
    if (ask(RESOLVE, 0, &message) != FAIL || message.size != sizeof code + sizeof delay)
        return 0;
    copy(&code, message.data, sizeof code);
    copy(&delay, message.data + sizeof code, sizeof delay);
    if (code != EAI_NONAME && code != EAI_AGAIN && code != EAI_FAIL)
        return 0;
    if (delay)
        waited(-1, 0, milliseconds() + (delay < LONGEST_SLEEP ? delay : LONGEST_SLEEP));
    return code;
}

/* Names are known only here: the extension is told which addresses a name has. */
static void begin_learned(struct message *message, const char *name)
{
    unsigned size = (unsigned)length(name, LONGEST_NAME);
    message->data[0] = (unsigned char)size;
    copy(message->data + 1, name, size);
    message->size = 1 + size;
}

static void add(struct message *message, int family, const void *address)
{
    unsigned size = family == AF_INET ? 4 : 16;
    if ((family != AF_INET && family != AF_INET6) || message->size + 1 + size > LONGEST)
        return;
    message->data[message->size] = (unsigned char)size;
    copy(message->data + message->size + 1, address, size);
    message->size += 1 + size;
}

static void tell_learned(struct message *message, const char *name)
{
    long now = milliseconds();
    if (message->size > 1 + length(name, LONGEST_NAME) && may_ask(now))
        tell(LEARNED, message, now + WAIT_MS);
}

APART static void learned(const char *name, const struct addrinfo *found)
{
    struct message message;
    begin_learned(&message, name);
    for (; found; found = found->ai_next)
        if (found->ai_addr)
            add(&message, found->ai_family,
                (const char *)found->ai_addr + (found->ai_family == AF_INET ? 4 : 8));
    tell_learned(&message, name);
}

APART static void learned_host(const char *name, const struct hostent *host)
{
    struct message message;
    begin_learned(&message, name);
    for (char **one = host ? host->h_addr_list : 0; one && *one; one++)
        add(&message, host->h_addrtype, *one);
    tell_learned(&message, name);
}

HOOK int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                     struct addrinfo **found)
{
    getaddrinfo_fn *next = (getaddrinfo_fn *)real(R_GETADDRINFO);
    if (!next)
        return EAI_FAIL;
    if (!is_name(name) || (hints && hints->ai_flags & AI_NUMERICHOST))
        return next(name, service, hints, found);
    int error = refused(name);
    if (error)
        return error;
    error = next(name, service, hints, found);
    if (!error)
        learned(name, *found);
    return error;
}

static int h_error(int error)
{
    return error == EAI_NONAME ? HOST_NOT_FOUND : error == EAI_AGAIN ? TRY_AGAIN : NO_RECOVERY;
}

static struct hostent *by_name(const char *name, int family, enum real which)
{
    void *next = real(which);
    int error = next && is_name(name) ? refused(name) : 0;
    if (error || !next) {
        set_h_errno(next ? h_error(error) : NO_RECOVERY);
        return 0;
    }
    struct hostent *host = which == R_BYNAME ? ((gethostbyname_fn *)next)(name)
                                             : ((gethostbyname2_fn *)next)(name, family);
    if (host && is_name(name))
        learned_host(name, host);
    return host;
}

HOOK struct hostent *gethostbyname(const char *name)
{
    return by_name(name, AF_INET, R_BYNAME);
}

HOOK struct hostent *gethostbyname2(const char *name, int family)
{
    return by_name(name, family, R_BYNAME2);
}

static int by_name_r(const char *name, int family, enum real which, struct hostent *host,
                     char *buffer, unsigned long size, struct hostent **found, int *h_error_out)
{
    void *next = real(which);
    int error = next && is_name(name) ? refused(name) : 0;
    if (error || !next) {
        *found = 0;
        *h_error_out = next ? h_error(error) : NO_RECOVERY;
        return error == EAI_AGAIN ? EAGAIN : 0; /* as glibc and musl do */
    }
    int done = which == R_BYNAME_R
                   ? ((gethostbyname_r_fn *)next)(name, host, buffer, size, found, h_error_out)
                   : ((gethostbyname2_r_fn *)next)(name, family, host, buffer, size, found, h_error_out);
    if (!done && *found && is_name(name))
        learned_host(name, *found);
    return done;
}

HOOK int gethostbyname_r(const char *name, struct hostent *host, char *buffer, unsigned long size,
                         struct hostent **found, int *error)
{
    return by_name_r(name, AF_INET, R_BYNAME_R, host, buffer, size, found, error);
}

HOOK int gethostbyname2_r(const char *name, int family, struct hostent *host, char *buffer,
                          unsigned long size, struct hostent **found, int *error)
{
    return by_name_r(name, family, R_BYNAME2_R, host, buffer, size, found, error);
}

/* -- the start --------------------------------------------------------------------------------- */

/* The variable has the name of a socket in the abstract namespace: no function can delete it. */
static void read_environment(void)
{
    static const char variable[] = "_FAULTLAYER_SHIM=";
    char ***environ = (char ***)real(R_ENVIRON);
    for (char **one = environ ? *environ : 0; one && *one; one++) {
        unsigned long i = 0;
        while (variable[i] && (*one)[i] == variable[i])
            i++;
        unsigned long size = variable[i] ? 0 : length(*one + i, sizeof where.sun_path);
        if (size && size < sizeof where.sun_path) {
            where.sun_family = AF_UNIX;
            copy(where.sun_path + 1, *one + i, size);
            where_size = (unsigned)(sizeof where.sun_family + 1 + size);
            return;
        }
    }
}

__attribute__((constructor)) static void start(void)
{
    struct message message;
    look_up();
    read_environment();
    message.size = 0;
    tell(HELLO, &message, milliseconds());
}
