/* Another tool's library for LD_PRELOAD, which hooks what the shim hooks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(const char *text, unsigned long size)
{
    if (write(1, text, size) < 0)
        _exit(9);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    if (address->sa_family == AF_INET)
        say("other connect\n", 14);
    return next(fd, address, size);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    say("other lookup\n", 13);
    return next(name, service, hints, found);
}
