#include "calibrate.h"

#include "bcrypt.h"
#include "clock.h"

#include <crypt.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOWDOWN_LIMIT 1.25
#define WORTHWHILE_GAIN 1.02
#define TURNS 2          /* in a try */
#define REFERENCE_COST 8 /* so that what crypt_rn() does beside its hash does not count */
#define START_SAMPLES 20 /* for calibrate_lanes() */
#define MEETING_NS CLOCK_NS_PER_S

/* What the measuring processes share. */
struct shared {
    atomic_uint arrived;
    struct calibration calibration[];
};

struct job {
    unsigned cpus;
    unsigned samples;
    bool with_reference;
    struct shared *shared;
};

/* Block encryptions in a hash: each key expansion has 521, and the text takes 192. */
static double blocks_of_hash(unsigned cost) {
    return 521.0 * (2.0 * (double)(UINT64_C(1) << cost) + 1.0) + 192.0;
}

static double blocks_of_turns(unsigned turns) {
    return 521.0 * 2.0 * turns;
}

/* Waits until all processes are there, so that all measure while the others do. One that the system
 * killed never comes. */
static void meet(const struct job *job) {
    const uint64_t limit_ns = clock_monotonic_ns() + MEETING_NS;

    atomic_fetch_add(&job->shared->arrived, 1);
    while (atomic_load(&job->shared->arrived) < job->cpus && clock_monotonic_ns() < limit_ns)
        sched_yield();
}

static void keep_smaller(double *least, double value) {
    if (*least == 0.0 || value < *least)
        *least = value;
}

/* Of this process: what other programs take meanwhile does not count. */
static double cpu_time_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * (double)CLOCK_NS_PER_S + (double)now.tv_nsec;
}

/* Nanoseconds for a block, with so many lanes. */
static double try_lanes(struct blowfish *ciphers, unsigned lanes) {
    const double begin_ns = cpu_time_ns();

    blowfish_turn(ciphers, lanes, TURNS);
    return (cpu_time_ns() - begin_ns) / blocks_of_turns(TURNS);
}

static double try_reference(struct crypt_data *work) {
    const double begin_ns = cpu_time_ns();
    const char *hash = crypt_rn("U*U", "$2b$08$CCCCCCCCCCCCCCCCCCCCC.", work, (int)sizeof *work);
    const double took_ns = cpu_time_ns() - begin_ns;

    return hash != NULL ? took_ns / blocks_of_hash(REFERENCE_COST) : 0.0;
}

/* All numbers of lanes in turns, so that a disturbance does not hit one of them alone. */
static int measure_here(const struct job *job, struct calibration *ret) {
    struct blowfish *ciphers = aligned_alloc(64, ENGINE_LANES_MAX * sizeof *ciphers);
    struct crypt_data *work = calloc(1, sizeof *work);
    int result = -ENOMEM;

    if (ciphers == NULL || work == NULL)
        goto free;
    memset(ciphers, 0, ENGINE_LANES_MAX * sizeof *ciphers);
    for (unsigned lane = 0; lane < ENGINE_LANES_MAX; lane++) {
        ciphers[lane].key[0] = lane;
        blowfish_set_up(&ciphers[lane]);
    }
    meet(job);
    for (unsigned sample = 0; sample < job->samples; sample++) {
        for (unsigned lanes = 1; lanes <= ENGINE_LANES_MAX; lanes++)
            keep_smaller(&ret->lanes_ns[lanes], try_lanes(ciphers, lanes));
        if (job->with_reference)
            keep_smaller(&ret->reference_ns, try_reference(work));
    }
    result = 0;
free:
    free(work);
    free(ciphers);
    return result;
}

static int run_child(const struct job *job, unsigned cpu, unsigned number) {
    cpu_set_t set;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    /* Where it may not be pinned, the scheduler keeps them apart. */
    (void)sched_setaffinity(0, sizeof set, &set);
    return measure_here(job, &job->shared->calibration[number]) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Forks a process for each CPU of the set. Returns how many there are, which is fewer after an
 * error. */
static unsigned start_children(const struct job *job, const cpu_set_t *cpus, pid_t *pids) {
    unsigned started = 0;

    for (unsigned cpu = 0; cpu < CPU_SETSIZE && started < job->cpus; cpu++) {
        if (!CPU_ISSET(cpu, cpus))
            continue;
        pids[started] = fork();
        if (pids[started] == 0)
            _exit(run_child(job, cpu, started));
        if (pids[started] < 0)
            break;
        started++;
    }
    return started;
}

/* Reaps them all; those that would wait for one that is missing are killed. */
static int await_children(const struct job *job, const pid_t *pids, unsigned started) {
    int result = started == job->cpus ? 0 : -EAGAIN;

    for (unsigned i = 0; i < started; i++) {
        int status = 0;

        if (result < 0)
            kill(pids[i], SIGKILL);
        while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
            continue;
        if (status != 0 && result == 0)
            result = -EIO;
    }
    return result;
}

static struct calibration mean(const struct job *job, unsigned cost) {
    const double scale = blocks_of_hash(cost) / job->cpus;
    struct calibration sum = {0};

    for (unsigned i = 0; i < job->cpus; i++) {
        const struct calibration *one = &job->shared->calibration[i];

        sum.reference_ns += one->reference_ns * scale;
        for (unsigned lanes = 1; lanes <= ENGINE_LANES_MAX; lanes++)
            sum.lanes_ns[lanes] += one->lanes_ns[lanes] * scale;
    }
    return sum;
}

int calibrate_measure(const cpu_set_t *cpus, unsigned cost, unsigned samples, bool with_reference,
                      struct calibration *ret) {
    struct job job = {
        .cpus = (unsigned)CPU_COUNT(cpus), .samples = samples, .with_reference = with_reference};
    const size_t size = sizeof *job.shared + job.cpus * sizeof job.shared->calibration[0];
    pid_t *pids = calloc(job.cpus, sizeof *pids);
    int result;

    if (pids == NULL)
        return -ENOMEM;
    job.shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (job.shared == MAP_FAILED) {
        free(pids);
        return -ENOMEM;
    }
    result = await_children(&job, pids, start_children(&job, cpus, pids));
    if (result == 0)
        *ret = mean(&job, cost);
    munmap(job.shared, size);
    free(pids);
    return result;
}

unsigned calibrate_choose(const struct calibration *calibration) {
    const double *hash_ns = calibration->lanes_ns;
    unsigned best = 1;

    for (unsigned lanes = 2; lanes <= ENGINE_LANES_MAX; lanes++) {
        const double gain = (lanes / hash_ns[lanes]) / (best / hash_ns[best]);

        if (hash_ns[lanes] <= SLOWDOWN_LIMIT * hash_ns[1] && gain >= WORTHWHILE_GAIN)
            best = lanes;
    }
    return best;
}

int calibrate_lanes(unsigned *ret_lanes) {
    struct calibration calibration;
    cpu_set_t cpus;
    int result = 0;

    *ret_lanes = CALIBRATE_DEFAULT_LANES;
    if (sched_getaffinity(0, sizeof cpus, &cpus) < 0)
        return -errno;
    result = calibrate_measure(&cpus, 12, START_SAMPLES, false, &calibration);
    if (result == 0)
        *ret_lanes = calibrate_choose(&calibration);
    return result;
}
