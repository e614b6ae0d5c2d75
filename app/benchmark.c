#include "benchmark.h"

#include "calibrate.h"

#include <errno.h>

#define SAMPLES 60  /* a second or so for each measurement */
#define ALONE_MAX 8 /* CPUs that are measured alone; the others are like them */
#define NS_PER_MS 1e6
#define NS_PER_S 1e9

static void print_row(FILE *out, const char *name, unsigned lanes, unsigned cpus, double hash_ns,
                      const struct calibration *of) {
    fprintf(out, "  %-10s %10.1f %10.1f %8.2f %8.2f\n", name, cpus * lanes * NS_PER_S / hash_ns,
            hash_ns / NS_PER_MS, lanes * of->reference_ns / hash_ns, hash_ns / of->reference_ns);
}

static void print_table(FILE *out, const struct calibration *of, unsigned cpus) {
    fprintf(out, "  %-10s %10s %10s %8s %8s\n", "", "hashes/s", "hash ms", "speed", "time");
    print_row(out, "libxcrypt", 1, cpus, of->reference_ns, of);
    for (unsigned lanes = 1; lanes <= ENGINE_LANES_MAX; lanes++) {
        char name[16];

        snprintf(name, sizeof name, "%u lane%s", lanes, lanes > 1 ? "s" : "");
        print_row(out, name, lanes, cpus, of->lanes_ns[lanes], of);
    }
    putc('\n', out);
    fflush(out);
}

/* Each CPU while the others rest. */
static int measure_alone(const struct options *options, const cpu_set_t *cpus, FILE *out) {
    unsigned measured = 0;

    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        struct calibration one;
        cpu_set_t set;
        int result;

        if (!CPU_ISSET(cpu, cpus))
            continue;
        if (measured++ == ALONE_MAX) {
            fprintf(out, "The other CPUs are not measured alone.\n\n");
            return 0;
        }
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        result = calibrate_measure(&set, options->cost, SAMPLES, true, &one);
        if (result < 0)
            return result;
        fprintf(out, "CPU %u alone\n", cpu);
        print_table(out, &one, 1);
    }
    return 0;
}

static void print_choice(FILE *out, const struct calibration *all) {
    const unsigned lanes = calibrate_choose(all);

    fprintf(out,
            "lanes: %u\n"
            "With all CPUs busy, %u lanes give %.2f times the hashes of libxcrypt, and a hash "
            "takes %.2f\n"
            "times as long. More lanes would make a hash more than a quarter slower, or gain "
            "nothing.\n",
            lanes, lanes, lanes * all->reference_ns / all->lanes_ns[lanes],
            all->lanes_ns[lanes] / all->reference_ns);
}

int benchmark_run(const struct options *options, FILE *out) {
    struct calibration all;
    cpu_set_t cpus;
    unsigned count;
    int result;

    if (sched_getaffinity(0, sizeof cpus, &cpus) < 0)
        return -errno;
    count = (unsigned)CPU_COUNT(&cpus);
    fprintf(out,
            "bcrypt of cost %u on %u CPU%s; speed and time are multiples of libxcrypt's.\n"
            "Other programs should rest meanwhile.\n\n",
            options->cost, count, count > 1 ? "s" : "");
    fflush(out);
    result = measure_alone(options, &cpus, out);
    if (result < 0)
        return result;
    result = calibrate_measure(&cpus, options->cost, SAMPLES, true, &all);
    if (result < 0)
        return result;
    fprintf(out, "All %u CPUs at once\n", count);
    print_table(out, &all, count);
    print_choice(out, &all);
    return 0;
}
