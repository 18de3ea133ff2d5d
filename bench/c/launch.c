/* Starts one program and says when: the clock for "exec to registered" and for "bare start".
 *
 *   launch [--group FILE] [--drop-caches] CMD [ARG…]
 *                          prints "started PID NS", later "exited STATUS NS" (CLOCK_MONOTONIC)
 *
 * It runs inside the mount namespace, so that neither unshare nor mount is in the measured time, nor
 * is dropping the page cache, or moving the program into the control group whose tasks FILE lists.
 * It must never outlive its harness nor leave the program behind: both die with their parent. */
#include "wire.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) die(path);
    close(fd);
}

int main(int argc, char **argv) {
    const char *group = NULL;
    int drop = 0, i = 1;
    for (; i < argc; i++) {
        if (strcmp(argv[i], "--group") == 0 && i + 1 < argc) group = argv[++i];
        else if (strcmp(argv[i], "--drop-caches") == 0) drop = 1;
        else break;
    }
    if (i >= argc) {
        fprintf(stderr, "usage: launch [--group FILE] [--drop-caches] CMD [ARG…]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int held[2];
    if (pipe2(held, O_CLOEXEC)) die("pipe2");
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        char c;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The report has our standard output to itself; the program's goes to standard error. */
        dup2(2, 1);
        close(held[1]);
        if (group) put(group, "0");
        if (read(held[0], &c, 1) != 1) _exit(127);
        execv(argv[i], argv + i);
        die(argv[i]);
    }
    if (drop) put("/proc/sys/vm/drop_caches", "3");
    uint64_t start = now_ns();
    if (write(held[1], "", 1) != 1) die("write");
    printf("started %d %llu\n", (int)pid, (unsigned long long)start);
    fflush(stdout);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    uint64_t end = now_ns();
    printf("exited %d %llu\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
           (unsigned long long)end);
    return 0;
}
