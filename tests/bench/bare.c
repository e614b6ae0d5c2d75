/* bare: what the CPUs can do without a service around: a loop of crypt_rn(), the very function
 * that bcryptd's engine calls, in one process for each CPU, pinned to it.
 *
 *   bare --cost N --seconds S [--nice N]   all CPUs at once; prints the sum as JSON
 *   bare --cost N --step [--nice N]        one hash for each line read, its time in ns printed
 *
 * --nice is the workers' niceness, so that other programs of the machine take as much from this
 * side of a comparison as from the other. */
#include <crypt.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define PROCESSES_MAX 256
#define START_DELAY_NS (50 * UINT64_C(1000000)) /* until all processes are forked and pinned */

struct options {
    unsigned long cost;
    double seconds;
    int nice;
    bool step;
};

/* What one process did; shared with the first. */
struct result {
    uint64_t hashes;
    uint64_t elapsed_ns; /* until the last of them was finished */
};

static uint64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns) {
    const struct timespec at = {.tv_sec = (time_t)(ns / NS_PER_S),
                                .tv_nsec = (long)(ns % NS_PER_S)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

/* One hash of a password as long as those that the service is asked for. */
static bool hash_once(unsigned long cost, struct crypt_data *work) {
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash;

    if (crypt_gensalt_rn("$2b$", cost, NULL, 0, setting, sizeof setting) == NULL)
        return false;
    hash = crypt_rn("correct horse battery", setting, work, (int)sizeof *work);
    return hash != NULL && hash[0] == '$';
}

static int run_process(const struct options *options, int cpu, uint64_t begin,
                       struct result *result) {
    const uint64_t end = begin + (uint64_t)(options->seconds * 1e9);
    struct crypt_data *work = calloc(1, sizeof *work);
    cpu_set_t set;

    /* Must not outlive a parent that was killed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    if (work == NULL || sched_setaffinity(0, sizeof set, &set) < 0)
        return EXIT_FAILURE;
    sleep_until(begin);
    do {
        if (!hash_once(options->cost, work))
            return EXIT_FAILURE;
        result->hashes++;
        result->elapsed_ns = now_ns() - begin;
    } while (begin + result->elapsed_ns < end);
    return EXIT_SUCCESS;
}

static bool wait_for_all(unsigned count) {
    bool fine = true;
    int status;

    while (count-- > 0)
        if (wait(&status) < 0 || status != 0)
            fine = false;
    return fine;
}

static int run_all(const struct options *options) {
    struct result *results = mmap(NULL, PROCESSES_MAX * sizeof *results, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const uint64_t begin = now_ns() + START_DELAY_NS;
    unsigned processes = 0;
    uint64_t hashes = 0;
    double per_s = 0;
    cpu_set_t allowed;

    if (results == MAP_FAILED || sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return EXIT_FAILURE;
    for (int cpu = 0; cpu < CPU_SETSIZE && processes < PROCESSES_MAX; cpu++) {
        pid_t pid;

        if (!CPU_ISSET((unsigned)cpu, &allowed))
            continue;
        pid = fork();
        if (pid == 0)
            _exit(run_process(options, cpu, begin, &results[processes]));
        if (pid < 0)
            break;
        processes++;
    }
    if (!wait_for_all(processes))
        return EXIT_FAILURE;
    for (unsigned i = 0; i < processes; i++) {
        hashes += results[i].hashes;
        per_s += (double)results[i].hashes * 1e9 / (double)results[i].elapsed_ns;
    }
    printf("{\"hashes\": %llu, \"per_s\": %.4f, \"processes\": %u}\n", (unsigned long long)hashes,
           per_s, processes);
    return EXIT_SUCCESS;
}

static int run_steps(const struct options *options) {
    struct crypt_data *work = calloc(1, sizeof *work);
    char line[16];

    if (work == NULL)
        return EXIT_FAILURE;
    while (fgets(line, sizeof line, stdin) != NULL) {
        const uint64_t begin = now_ns();

        if (!hash_once(options->cost, work))
            return EXIT_FAILURE;
        printf("%llu\n", (unsigned long long)(now_ns() - begin));
        fflush(stdout);
    }
    free(work);
    return EXIT_SUCCESS;
}

static bool parse(int argc, char *argv[], struct options *ret) {
    static const struct option names[] = {
        {"cost", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'},
        {"nice", required_argument, NULL, 'n'},
        {"step", no_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'c':
            ret->cost = strtoul(optarg, NULL, 10);
            break;
        case 's':
            ret->seconds = strtod(optarg, NULL);
            break;
        case 'n':
            ret->nice = (int)strtol(optarg, NULL, 10);
            break;
        case 't':
            ret->step = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && ret->cost >= 4 && ret->cost <= 20 &&
           (ret->step || (ret->seconds > 0 && ret->seconds <= 600));
}

int main(int argc, char *argv[]) {
    struct options options = {0};

    if (!parse(argc, argv, &options)) {
        fputs("usage: bare --cost 4..20 (--seconds S | --step) [--nice N]\n", stderr);
        return 2;
    }
    if (setpriority(PRIO_PROCESS, 0, options.nice) < 0) {
        perror("bare: setpriority");
        return EXIT_FAILURE;
    }
    return options.step ? run_steps(&options) : run_all(&options);
}
