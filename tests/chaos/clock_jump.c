/* Lets the wall clock of one process jump, by as many nanoseconds as the file says that the
   variable CLOCK_JUMP names; monotonic clocks stay right, as when an administrator sets a clock. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile long long *jump;

static int true_time(clockid_t clock, struct timespec *now) {
    static int (*next)(clockid_t, struct timespec *);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
    return next(clock, now);
}

__attribute__((constructor)) static void open_jump(void) {
    const char *path = getenv("CLOCK_JUMP");
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    void *found = mmap(NULL, sizeof *jump, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (found != MAP_FAILED)
        jump = found;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int outcome = true_time(clock, now);
    if (outcome == 0 && jump != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        long long at = now->tv_sec * SECOND + now->tv_nsec + *jump;
        now->tv_sec = at / SECOND;
        now->tv_nsec = at % SECOND;
    }
    return outcome;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec at;
    int outcome = clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return outcome;
}

time_t time(time_t *now) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (now != NULL)
        *now = at.tv_sec;
    return at.tv_sec;
}
