/* Starts the function's program, in the wrapper's place, by the way that reaches its connections.
 *
 *     start PROGRAM COMMAND...      PROGRAM ── its ELF header ──> loads libraries: LD_PRELOAD, the shim
 *                                                                 static: HTTP_PROXY and its kind
 *
 * PROGRAM is the function's own, COMMAND what to execute: the same, or another wrapper that executes it. A
 * script is judged by its interpreter; nobody knows what a shell's script starts. The way is told to the
 * extension, which logs it. Like the shim this is linked against nothing. A shell cannot read an ELF
 * header without a fork, so this is a program of its own: one more exec, only if a fault may need it.
 */
#include "system.h"

#if defined __x86_64__
enum { SYS_read = 0, SYS_write = 1, SYS_mmap = 9, SYS_pread64 = 17, SYS_execve = 59, SYS_exit = 231,
       SYS_openat = 257, SYS_faccessat = 269 };
enum { MACHINE = 62 };
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#else
enum { SYS_faccessat = 48, SYS_openat = 56, SYS_read = 63, SYS_write = 64, SYS_pread64 = 67, SYS_exit = 94,
       SYS_execve = 221, SYS_mmap = 222 };
enum { MACHINE = 183 };
__asm__(".globl _start\n_start:\n mov x29, #0\n mov x0, sp\n bl begin\n");
#endif

enum { AT_FDCWD = -100, O_CLOEXEC = 02000000, X_OK = 1 };
enum { PROT_READ_WRITE = 3, MAP_PRIVATE_ANONYMOUS = 0x22 };
enum { ENOENT = 2, ENOEXEC = 8, EACCES = 13, ENOTDIR = 20 };
enum { PT_INTERP = 3, ELFCLASS64 = 2 };
enum { LONGEST_PATH = 4096, FIRST = 4096, DEEPEST = 4, MOST_PARTS = 64 };

/* The kinds of programs, and the ways: protocol.md, message `W`. */
enum kind { LOADS, STATIC, UNKNOWN };
enum way { PRELOAD, PROXY, OWN_PROXY, UNSURE };

/* The variables that the wrapper has from the extension. */
static const char SOCKET[] = "_FAULTLAYER_SHIM", LIBRARY[] = "_FAULTLAYER_LIBRARY",
                  REDIRECT[] = "_FAULTLAYER_REDIRECT", PROXY_URL[] = "_FAULTLAYER_PROXY",
                  SPARED[] = "_FAULTLAYER_NO_PROXY", START[] = "_FAULTLAYER_START";
static const char proxies[6][12] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY",
                                    "https_proxy", "ALL_PROXY", "all_proxy"};
enum { SET_PROXIES = 4 }; /* of these */
static const char spares[2][9] = {"NO_PROXY", "no_proxy"};

/* -- text -------------------------------------------------------------------------------------- */

static unsigned long length(const char *text)
{
    unsigned long size = 0;
    while (text[size])
        size++;
    return size;
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static char *append(char *to, const char *text)
{
    while (*text)
        *to++ = *text++;
    *to = 0;
    return to;
}

static const char *last_part(const char *path)
{
    const char *found = path;
    for (; *path; path++)
        if (*path == '/')
            found = path + 1;
    return found;
}

/* The value, if `entry` is NAME=value; else null. */
static const char *value_of(const char *entry, const char *name)
{
    while (*name && *entry == *name)
        entry++, name++;
    return !*name && *entry == '=' ? entry + 1 : 0;
}

/* The value of a variable; null if it is unset or empty. */
static const char *variable(char **environment, const char *name)
{
    for (; *environment; environment++) {
        const char *value = value_of(*environment, name);
        if (value && *value)
            return value;
    }
    return 0;
}

/* -- programs ---------------------------------------------------------------------------------- */

/* The file that a shell would execute for this word: null if there is none. `room` is for a path. */
static const char *file_of(const char *word, char **environment, char *room)
{
    const char *path = variable(environment, "PATH");
    for (const char *c = word; *c; c++)
        if (*c == '/')
            return word;
    for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *word && path; path += *path == ':') {
        unsigned long size = 0;
        while (path[size] && path[size] != ':')
            size++;
        if (size + length(word) + 2 < LONGEST_PATH) {
            for (unsigned long i = 0; i < size; i++)
                room[i] = path[i];
            append(append(room + size, size ? "/" : "./"), word);
            if (!system_call(SYS_faccessat, AT_FDCWD, (long)room, X_OK, 0, 0))
                return room;
        }
        path += size;
        if (!*path)
            break;
    }
    return 0;
}

struct elf {
    unsigned char ident[16];
    unsigned short type, machine;
    unsigned version;
    unsigned long entry, phoff, shoff;
    unsigned flags;
    unsigned short ehsize, phentsize, phnum;
};

/* elf(5): a program that loads libraries names its loader in a header of type PT_INTERP. */
static enum kind kind_of_elf(int fd, const struct elf *elf)
{
    struct program_header part;
    if (elf->ident[4] != ELFCLASS64 || elf->machine != MACHINE || elf->phentsize != sizeof part ||
        elf->phnum > MOST_PARTS)
        return UNKNOWN;
    for (unsigned i = 0; i < elf->phnum; i++) {
        long at = (long)(elf->phoff + i * sizeof part);
        if (system_call(SYS_pread64, fd, (long)&part, sizeof part, at, 0) != sizeof part)
            return UNKNOWN;
        if (part.p_type == PT_INTERP)
            return LOADS;
    }
    return STATIC;
}

static int begins(const char *text, const char *start)
{
    while (*start && *text == *start)
        text++, start++;
    return !*start;
}

static int is_shell(const char *name)
{
    static const char shells[8][8] = {"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"};
    for (unsigned i = 0; i < 8; i++)
        if (same(name, shells[i]))
            return 1;
    return 0;
}

static enum kind kind_of(const char *word, char **environment, int depth);

/* execve(2), "Interpreter scripts": `#! interpreter [argument]`. env(1) looks its argument up. */
static enum kind kind_of_script(char *line, char **environment, int depth)
{
    char *part[2] = {0, 0};
    char *c = line + 2;
    for (int i = 0; i < 2; i++) {
        while (*c == ' ' || *c == '\t')
            c++;
        part[i] = c;
        while (*c && *c != '\n' && *c != ' ' && *c != '\t')
            c++;
        int ended = !*c || *c == '\n';
        *c = 0;
        if (ended) {
            part[1] = i ? part[1] : c;
            break;
        }
        c++;
    }
    const char *name = last_part(part[0]);
    if (is_shell(name) || !*part[0])
        return UNKNOWN;
    if (same(name, "env")) {
        if (!*part[1] || *part[1] == '-' || is_shell(last_part(part[1])))
            return UNKNOWN;
        return kind_of(part[1], environment, depth + 1);
    }
    return kind_of(part[0], environment, depth + 1);
}

static enum kind kind_of(const char *word, char **environment, int depth)
{
    char room[LONGEST_PATH];
    char first[FIRST + 1];
    const char *path = file_of(word, environment, room);
    if (!path || depth > DEEPEST)
        return UNKNOWN;
    const char *name = last_part(path);
    if (begins(name, "ld-linux") || begins(name, "ld-musl")) /* a loader, which obeys LD_PRELOAD */
        return LOADS;
    if (is_shell(name)) /* `sh script`: the script decides */
        return UNKNOWN;
    int fd = (int)system_call(SYS_openat, AT_FDCWD, (long)path, O_CLOEXEC, 0, 0);
    if (fd < 0)
        return UNKNOWN;
    long got = system_call(SYS_read, fd, (long)first, FIRST, 0, 0);
    enum kind kind = UNKNOWN;
    if (got >= 0)
        first[got] = 0;
    if (got >= (long)sizeof(struct elf) && begins(first, "\177ELF"))
        kind = kind_of_elf(fd, (const struct elf *)first);
    else if (got > 2 && first[0] == '#' && first[1] == '!')
        kind = kind_of_script(first, environment, depth);
    system_call(SYS_close, fd, 0, 0, 0, 0);
    return kind;
}

static enum way way_for(const char *program, char **environment)
{
    const char *redirect = variable(environment, REDIRECT);
    int forced = redirect && same(redirect, "proxy");
    enum kind kind = forced ? STATIC : kind_of(program, environment, 0);
    if (kind == LOADS)
        return PRELOAD;
    if (kind == UNKNOWN || !variable(environment, PROXY_URL))
        return UNSURE;
    for (int i = 0; i < 6; i++)
        if (variable(environment, proxies[i]))
            return OWN_PROXY;
    return PROXY;
}

/* -- the extension ----------------------------------------------------------------------------- */

static void tell(char **environment, enum way way)
{
    struct sockaddr_un where;
    const char *name = variable(environment, SOCKET);
    unsigned long size = name ? length(name) : 0;
    if (!size || size + 1 > sizeof where.sun_path)
        return;
    where.sun_family = AF_UNIX;
    where.sun_path[0] = 0;
    append(where.sun_path + 1, name);
    long fd = system_call(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0, 0);
    char message[4] = {'F', 1, 'W', (char)way};
    if (!system_call(SYS_connect, fd, (long)&where, (long)(sizeof where.sun_family + 1 + size), 0, 0))
        system_call(SYS_sendto, fd, (long)message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT, 0);
    system_call(SYS_close, fd, 0, 0, 0, 0);
}

/* -- the environment --------------------------------------------------------------------------- */

static int is_ours(const char *entry)
{
    return value_of(entry, LIBRARY) || value_of(entry, REDIRECT) || value_of(entry, PROXY_URL) ||
           value_of(entry, SPARED) || value_of(entry, START);
}

static int is_replaced(const char *entry, enum way way, int preload)
{
    if (preload && value_of(entry, "LD_PRELOAD"))
        return 1;
    if (way != PROXY)
        return 0;
    for (int i = 0; i < 6; i++) /* which are empty, or it would be another way */
        if (value_of(entry, proxies[i]))
            return 1;
    return value_of(entry, spares[0]) || value_of(entry, spares[1]);
}

/* `NAME=value`, or `NAME=value<between>more`, behind what is in the room. */
static char *entry(char **room, const char *name, const char *value, const char *between, const char *more)
{
    char *start = *room, *end = append(append(append(start, name), "="), value);
    if (more)
        end = append(append(end, between), more);
    *room = end + 1;
    return start;
}

static char **arranged(char **environment, enum way way)
{
    const char *redirect = variable(environment, REDIRECT);
    const char *library = redirect && same(redirect, "proxy") ? 0 : variable(environment, LIBRARY);
    const char *url = variable(environment, PROXY_URL), *spared = variable(environment, SPARED);
    const char *none = variable(environment, spares[0]);
    unsigned long count = 0, size = LONGEST_PATH;
    if (!none)
        none = variable(environment, spares[1]);
    for (; environment[count]; count++)
        size += 4 * (length(environment[count]) + 1);
    unsigned long pointers = (count + 16) * sizeof(char *);
    long memory = system_call(SYS_mmap, 0, (long)(pointers + size), PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1);
    if (memory < 0 && memory > -4096)
        return environment;
    char **made = (char **)memory, *room = (char *)memory + pointers;
    count = 0;
    for (char **one = environment; *one; one++)
        if (!is_ours(*one) && !is_replaced(*one, way, !!library))
            made[count++] = *one;
    if (library)
        made[count++] = entry(&room, "LD_PRELOAD", library, ":", variable(environment, "LD_PRELOAD"));
    if (way == PROXY) {
        for (int i = 0; i < SET_PROXIES; i++)
            made[count++] = entry(&room, proxies[i], url, "", 0);
        for (int i = 0; i < 2; i++)
            made[count++] = entry(&room, spares[i], spared ? spared : "", ",", none);
    }
    made[count] = 0;
    return made;
}

/* -- the start --------------------------------------------------------------------------------- */

static void execute(char **command, char **environment, int count)
{
    char room[LONGEST_PATH];
    const char *path = file_of(command[0], environment, room);
    long error = -ENOENT;
    if (path) {
        error = system_call(SYS_execve, (long)path, (long)command, (long)environment, 0, 0);
        if (error == -ENOEXEC && count < FIRST / 8 - 2) { /* a script without #!, for a shell */
            char *again[FIRST / 8];
            again[0] = "sh";
            again[1] = (char *)path;
            for (int i = 1; i <= count; i++)
                again[i + 1] = command[i];
            error = system_call(SYS_execve, (long)"/bin/sh", (long)again, (long)environment, 0, 0);
        }
    }
    const char *parts[] = {command[0], error == -ENOENT || error == -ENOTDIR ? ": not found\n"
                                                                             : ": cannot be executed\n"};
    for (int i = 0; i < 2; i++)
        system_call(SYS_write, 2, (long)parts[i], (long)length(parts[i]), 0, 0);
    system_call(SYS_exit, error == -ENOENT || error == -ENOTDIR ? 127 : 126, 0, 0, 0, 0);
}

__attribute__((noreturn, used)) void begin(long *stack)
{
    int count = (int)stack[0];
    char **arguments = (char **)(stack + 1), **environment = arguments + count + 1;
    if (count > 2) {
        enum way way = way_for(arguments[1], environment);
        tell(environment, way);
        execute(arguments + 2, arranged(environment, way), count - 2);
    }
    for (;;)
        system_call(SYS_exit, 2, 0, 0, 0, 0);
}
