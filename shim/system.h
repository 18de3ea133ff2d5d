/* The kernel's and the C libraries' interface, as far as the shim needs it, without their headers: these
 * numbers and layouts are the same under glibc and musl, on both architectures unless said. */
#ifndef SYSTEM_H
#define SYSTEM_H

#define HOOK __attribute__((visibility("default")))
#define APART __attribute__((noinline)) /* so that its message is not on the stack of a real function */
#define MAY_LACK __attribute__((weak))  /* no C library is refused for the lack of a symbol */

#if defined __x86_64__
enum { SYS_close = 3, SYS_rt_sigprocmask = 14, SYS_socket = 41, SYS_connect = 42, SYS_sendto = 44, SYS_recvfrom = 45,
       SYS_getpeername = 52, SYS_getsockopt = 55, SYS_geteuid = 107, SYS_clock_gettime = 228,
       SYS_ppoll = 271 };
#elif defined __aarch64__
enum { SYS_close = 57, SYS_ppoll = 73, SYS_clock_gettime = 113, SYS_rt_sigprocmask = 135, SYS_geteuid = 175, SYS_socket = 198,
       SYS_connect = 203, SYS_getpeername = 205, SYS_sendto = 206, SYS_recvfrom = 207,
       SYS_getsockopt = 209 };
#else
#error "the shim is made for x86_64 and aarch64"
#endif

/* Returns the result, or the error as a negative number. The sixth argument is always 0. */
static long system_call(long number, long a, long b, long c, long d, long e)
{
#if defined __x86_64__
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = 0;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#endif
}

enum { EINTR = 4, EAGAIN = 11, EFAULT = 14, EINVAL = 22, EADDRNOTAVAIL = 99, ENETUNREACH = 101,
       EHOSTUNREACH = 113 };
enum { AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10 };
enum { SOCK_SEQPACKET = 5, SOCK_NONBLOCK = 04000, SOCK_CLOEXEC = 02000000 };
enum { SOL_SOCKET = 1, SO_PEERCRED = 17, SO_PROTOCOL = 38, SO_BINDTOIFINDEX = 62 };
enum { IPPROTO_TCP = 6, IPPROTO_IPV6 = 41, IPPROTO_MPTCP = 262, IPV6_V6ONLY = 26, TCP_INFO = 11,
       TCP_CLOSE = 7 };
enum { MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000 };
enum { POLLIN = 1, CLOCK_MONOTONIC = 1 };
enum { AI_NUMERICHOST = 4, EAI_NONAME = -2, EAI_AGAIN = -3, EAI_FAIL = -4 };
enum { HOST_NOT_FOUND = 1, TRY_AGAIN = 2, NO_RECOVERY = 3 };
enum { SIZE_OF_SOCKADDR_IN6 = 28, LEAST_SOCKADDR_IN6 = 24 /* without the scope */,
       SIZE_OF_SOCKADDR_STORAGE = 128 };

struct sockaddr { unsigned short sa_family; char sa_data[14]; };
struct sockaddr_in { unsigned short sin_family, sin_port; unsigned sin_addr; char sin_zero[8]; };
struct sockaddr_un { unsigned short sun_family; char sun_path[108]; };
struct timespec { long tv_sec, tv_nsec; };
struct pollfd { int fd; short events, revents; };
struct ucred { int pid; unsigned uid, gid; };
struct addrinfo {
    int ai_flags, ai_family, ai_socktype, ai_protocol;
    unsigned ai_addrlen;
    struct sockaddr *ai_addr;
    char *ai_canonname;
    struct addrinfo *ai_next;
};
struct hostent {
    char *h_name;
    char **h_aliases;
    int h_addrtype, h_length;
    char **h_addr_list;
};

/* A loaded object (elf(5), dl_iterate_phdr(3)). */
enum { PT_LOAD = 1, PT_DYNAMIC = 2, STT_OBJECT = 1, STT_FUNC = 2 };
enum { DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6, DT_GNU_HASH = 0x6ffffef5 };
struct program_header {
    unsigned p_type, p_flags;
    unsigned long p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
};
struct dynamic { long d_tag; unsigned long d_val; };
struct symbol {
    unsigned st_name;
    unsigned char st_info, st_other;
    unsigned short st_shndx;
    unsigned long st_value, st_size;
};
struct dl_phdr_info {
    unsigned long dlpi_addr;
    const char *dlpi_name;
    const struct program_header *dlpi_phdr;
    unsigned short dlpi_phnum;
};

/* From the program's C library. */
MAY_LACK int dl_iterate_phdr(int (*)(struct dl_phdr_info *, unsigned long, void *), void *);
MAY_LACK int *__errno_location(void);
MAY_LACK int *__h_errno_location(void);

#endif
