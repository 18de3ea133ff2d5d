/* Starts one program and says when: the clock for "exec to registered" and for "bare start".
 *
 *   launch CMD [ARG…]      prints "started PID NS", later "exited STATUS NS" (CLOCK_MONOTONIC)
 *
 * It runs inside the mount namespace, so that neither unshare nor mount is in the measured time.
 * It must never outlive its harness nor leave the program behind: both die with their parent. */
#include "wire.h"

#include <sys/prctl.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: launch CMD [ARG…]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    uint64_t start = now_ns();
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The report has our standard output to itself; the program's goes to standard error. */
        dup2(2, 1);
        execv(argv[1], argv + 1);
        die(argv[1]);
    }
    printf("started %d %llu\n", (int)pid, (unsigned long long)start);
    fflush(stdout);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    uint64_t end = now_ns();
    printf("exited %d %llu\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
           (unsigned long long)end);
    return 0;
}
