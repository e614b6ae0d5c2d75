#include "worker.h"

#include "admission.h"
#include "child.h"
#include "clock.h"
#include "engine.h"
#include "estimate.h"
#include "intake.h"
#include "log.h"
#include "reply.h"
#include "request.h"
#include "sandbox.h"
#include "scrub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define TAKEN_MAX 16     /* requests between two steps of the engine */
#define TIMEOUT_MARGIN 3 /* a hash should fit so often into worker-timeout-ms */

_Static_assert(OPTIONS_LANES_MAX == ENGINE_LANES_MAX, "as many as there are");

/* One request on its way through the engine. */
struct lane {
    bool hashing;
    struct fcgi_connection connection;
    struct request request;
    enum stats_engine engine; /* that it was submitted to */
    uint64_t submitted_ns;
};

struct worker {
    const struct options *options;
    const struct listener *listener;
    struct scoreboard_slot *slot;
    struct engine *engine;
    struct estimate estimate;
    struct admission admission;
    struct intake intake;
    struct log_limit shed_limit[STATS_SHEDS];
    struct log_limit failure_limit;
    uint64_t requests;
    uint64_t requests_limit; /* 0: none */
    unsigned hashing;        /* lanes that are */
    struct lane lane[ENGINE_LANES_MAX];
};

static void log_request(int priority, const char *event, const char *message,
                        const struct request *request, int64_t number) {
    log_event(priority, event, message,
              LOG_FIELDS(LOG_TEXT("request_id", request->id),
                         LOG_TEXT("route", stats_route_name(request->route)),
                         LOG_NUMBER("status", number),
                         LOG_NUMBER("wait_ms", request->wait_ns / CLOCK_NS_PER_MS)));
}

static void log_shed(struct worker *worker, const struct request *request, enum stats_shed shed) {
    uint64_t suppressed;

    if (!log_allow(&worker->shed_limit[shed], request->accepted_ns, &suppressed))
        return;
    log_event(LOG_WARNING, "shed", "request shed, no hash computed",
              LOG_FIELDS(LOG_TEXT("reason", stats_shed_name(shed)),
                         LOG_TEXT("request_id", request->id),
                         LOG_TEXT("route", stats_route_name(request->route)),
                         LOG_NUMBER("wait_ms", request->wait_ns / CLOCK_NS_PER_MS),
                         LOG_NUMBER("suppressed", suppressed)));
}

/* Ends a lane's request: counts it, closes it, and leaves nothing of it in memory. */
static void end_request(struct worker *worker, struct lane *lane, unsigned status) {
    const uint64_t served_ns = clock_monotonic_ns() - lane->request.accepted_ns;

    stats_count_request(&worker->slot->stats, lane->request.route, status);
    stats_observe(&worker->slot->stats, STATS_DURATION, lane->request.wait_ns + served_ns);
    log_request(LOG_DEBUG, "request", "request answered", &lane->request, status);
    fcgi_finish(&lane->connection);
    request_wipe(&lane->request);
    scrub_stack();
    worker->requests++;
}

static void end_with_problem(struct worker *worker, struct lane *lane,
                             const struct problem *problem) {
    end_request(worker, lane, reply_problem(&lane->connection, lane->request.id, problem));
}

static void shed(struct worker *worker, struct lane *lane, enum stats_shed reason) {
    struct problem problem = {0};

    stats_add(&worker->slot->stats.shed[reason], 1);
    log_shed(worker, &lane->request, reason);
    if (reason == STATS_SHED_CLIENT_GONE) {
        end_request(worker, lane, 499);
        return;
    }
    problem_set(&problem, PROBLEM_OVERLOADED, "The request waited too long; try again.");
    end_with_problem(worker, lane, &problem);
}

/* True when the request is worth its hash; sheds it otherwise. */
static bool admit(struct worker *worker, struct lane *lane) {
    const struct request *request = &lane->request;

    switch (admission_judge(&worker->admission, request->wait_ns,
                            estimate_get(&worker->estimate, request->cost))) {
    case ADMISSION_DEADLINE:
        shed(worker, lane, STATS_SHED_DEADLINE);
        return false;
    case ADMISSION_QUEUE:
        shed(worker, lane, STATS_SHED_QUEUE);
        return false;
    case ADMISSION_SERVE:
        break;
    }
    if (fcgi_client_gone(&lane->connection)) {
        shed(worker, lane, STATS_SHED_CLIENT_GONE);
        return false;
    }
    return true;
}

/* Takes up a lane's request: it is answered at once, or hashing. */
static void take_up(struct worker *worker, unsigned number) {
    struct lane *lane = &worker->lane[number];
    struct problem problem = {0};

    request_identify(&lane->connection, &lane->request);
    stats_observe(&worker->slot->stats, STATS_QUEUE_WAIT, lane->request.wait_ns);
    admission_observe(&worker->admission, lane->request.wait_ns, lane->request.accepted_ns);
    if (request_read(&lane->connection, worker->options, &lane->request, &problem) < 0) {
        end_with_problem(worker, lane, &problem);
        return;
    }
    if (!admit(worker, lane))
        return;
    engine_submit(worker->engine, number, &lane->request.password, lane->request.setting);
    lane->engine = engine_label(worker->engine);
    lane->submitted_ns = clock_monotonic_ns();
    lane->hashing = true;
    worker->hashing++;
}

/* Answers a lane whose hash is finished. */
static void finish(struct worker *worker, unsigned number) {
    struct lane *lane = &worker->lane[number];
    const uint64_t took_ns = clock_monotonic_ns() - lane->submitted_ns;
    char hash[PASSWORD_HASH_LEN + 1];
    struct problem problem = {0};
    uint64_t suppressed;

    lane->hashing = false;
    worker->hashing--;
    if (engine_take(worker->engine, number, hash) < 0) {
        if (log_allow(&worker->failure_limit, lane->request.accepted_ns, &suppressed))
            log_request(LOG_ERR, "hash_failed", "the engine could not compute a hash",
                        &lane->request, 500);
        problem_set(&problem, PROBLEM_INTERNAL, "The hash could not be computed.");
        end_with_problem(worker, lane, &problem);
        return;
    }
    stats_observe(&worker->slot->stats, STATS_HASH_DURATION, took_ns);
    /* What a fallback left behind waited in line for the reference. */
    if (lane->engine == engine_label(worker->engine))
        estimate_observe(&worker->estimate, lane->request.cost, took_ns);
    end_request(worker, lane, reply_hash(&lane->connection, &lane->request, worker->options, hash));
    scrub_memory(hash, sizeof hash);
}

static bool used_up(const struct worker *worker) {
    return worker->requests_limit != 0 &&
           worker->requests + worker->hashing >= worker->requests_limit;
}

/* Whether connections may be taken. On a stop, systemd keeps its sockets' queue for the next start;
 * own sockets are emptied first, unless there is no master that closed them. */
static bool accepts(const struct worker *worker) {
    if (child_stop_asked())
        return !worker->listener->inherited && !child_orphaned();
    return !used_up(worker);
}

/* After a fallback fewer lanes are used than may still be hashing. */
static unsigned free_lanes(const struct worker *worker) {
    const unsigned lanes = engine_lane_count(worker->engine);

    return worker->hashing < lanes ? lanes - worker->hashing : 0;
}

static void publish(struct worker *worker, bool stopping) {
    struct scoreboard_slot *slot = worker->slot;
    enum scoreboard_state state =
        worker->hashing + worker->intake.waiting > 0 ? SCOREBOARD_BUSY : SCOREBOARD_IDLE;

    if (stopping)
        state = SCOREBOARD_STOPPING;
    atomic_store_explicit(&slot->lanes, engine_lane_count(worker->engine), memory_order_relaxed);
    atomic_store_explicit(&slot->lanes_busy, worker->hashing, memory_order_relaxed);
    atomic_store_explicit(&slot->engine, engine_label(worker->engine), memory_order_relaxed);
    scoreboard_touch(slot, clock_monotonic_ns());
    scoreboard_set_state(slot, state);
}

/* Fills one free lane, unless its request is answered at once. Returns false when none waits. */
static bool fill_lane(struct worker *worker, unsigned number) {
    /* Busy already while a peer is read from: it may keep this process for ever. */
    scoreboard_touch(worker->slot, clock_monotonic_ns());
    scoreboard_set_state(worker->slot, SCOREBOARD_BUSY);
    if (!intake_take(&worker->intake, free_lanes(worker), accepts(worker),
                     &worker->lane[number].connection))
        return false;
    take_up(worker, number);
    return true;
}

/* Notes an empty queue, when it was seen to be. */
static void observe_empty(struct worker *worker) {
    if (accepts(worker) && worker->intake.waiting == 0 && !worker->intake.accept_failed)
        admission_observe(&worker->admission, 0, clock_monotonic_ns());
}

/* Fills the free lanes with what waits. Hashes do not wait for long while requests are refused. */
static void fill(struct worker *worker) {
    unsigned taken = 0;

    for (unsigned number = 0; number < ENGINE_LANES_MAX; number++) {
        while (!worker->lane[number].hashing && free_lanes(worker) > 0) {
            if (worker->hashing > 0 && taken++ == TAKEN_MAX)
                return;
            if (!fill_lane(worker, number)) {
                observe_empty(worker);
                return;
            }
        }
    }
}

static void advance(struct worker *worker) {
    const unsigned finished = engine_step(worker->engine);

    for (unsigned number = 0; number < ENGINE_LANES_MAX; number++) {
        if ((finished & (1U << number)) == 0)
            continue;
        /* Each may take as long as a hash: computed again, or for the first time after a fallback.
         */
        scoreboard_touch(worker->slot, clock_monotonic_ns());
        finish(worker, number);
    }
}

/* Sleeps until there is something to take. */
static int wait_for_work(struct worker *worker, bool stopping) {
    const int result = intake_wait(&worker->intake, free_lanes(worker), accepts(worker), stopping);

    /* Until then the queue was empty. */
    if (worker->intake.waiting == 0)
        admission_observe(&worker->admission, 0, clock_monotonic_ns());
    return result;
}

static int serve(struct worker *worker) {
    for (;;) {
        /* Asked before the queue is looked at: own sockets are left only once they were seen empty
         * after the stop. */
        const bool stopping = child_stop_asked();

        fill(worker);
        publish(worker, stopping);
        if (worker->hashing > 0) {
            advance(worker);
            continue;
        }
        if (worker->intake.waiting == 0 && stopping)
            return 0;
        if (worker->intake.waiting == 0 && used_up(worker))
            return WORKER_EXIT_RECYCLED;
        if (wait_for_work(worker, stopping) < 0)
            return 1;
    }
}

/* max-requests less a random share of it, so that workers do not leave together. */
static uint64_t draw_requests_limit(const struct options *options) {
    const uint64_t spread = (uint64_t)options->max_requests * options->max_requests_jitter / 100;
    uint32_t random = 0;

    if (options->max_requests == 0)
        return 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = 0;
    /* The full spread may be all of it; one request is the least. */
    return options->max_requests - random % (spread < options->max_requests ? spread + 1 : spread);
}

/* libxcrypt makes no progress inside of a hash, also when it checks another engine's. */
static void check_timeout(const struct worker *worker) {
    const uint64_t longest_ns = estimate_get(&worker->estimate, worker->options->max_cost);
    const uint64_t limit_ns = worker->options->worker_timeout_ms * CLOCK_NS_PER_MS;

    if (longest_ns > limit_ns / TIMEOUT_MARGIN)
        log_event(LOG_WARNING, "worker_timeout_short",
                  "a hash of max-cost takes so long that its worker may be killed as hung",
                  LOG_FIELDS(LOG_NUMBER("max_cost", worker->options->max_cost),
                             LOG_NUMBER("expected_ms", longest_ns / CLOCK_NS_PER_MS),
                             LOG_NUMBER("limit_ms", worker->options->worker_timeout_ms)));
}

/* Only a privileged process may take niceness back, so one that has more keeps it. */
static int be_nice(int niceness) {
    errno = 0;
    const int now = getpriority(PRIO_PROCESS, 0);

    if (now == -1 && errno != 0)
        return -errno;
    if (now < niceness && setpriority(PRIO_PROCESS, 0, niceness) < 0)
        return -errno;
    return 0;
}

static int start(struct worker *worker, unsigned number) {
    const struct options *options = worker->options;
    const struct engine_setup setup = {
        .reference = &engine_libxcrypt,
        .fast = options->engine == OPTIONS_ENGINE_LANES ? &engine_lanes : NULL,
        .lanes = options->lanes,
        .check_every = options->cross_check_every,
        .stats = &worker->slot->stats,
    };
    char setting[PASSWORD_SETTING_LEN + 1];
    int result = engine_open(&setup, &worker->engine);

    if (result < 0)
        return result;
    worker->requests_limit = draw_requests_limit(options);
    estimate_init(&worker->estimate, engine_cost4_ns(worker->engine));
    admission_init(&worker->admission, options->deadline_ms, options->queue_target_ms,
                   options->queue_interval_ms, setup.fast != NULL && setup.check_every > 0 ? 2 : 1,
                   clock_monotonic_ns());
    result = be_nice((int)options->worker_nice);
    if (result < 0)
        return result;
    if (number == 1)
        check_timeout(worker);
    /* What the first salt needs of the system it gets before the sandbox. */
    result = password_new_setting(options->cost, setting);
    if (result < 0)
        return result;
    log_event(LOG_DEBUG, "worker_ready", "worker ready", LOG_FIELDS(LOG_NUMBER("worker", number)));
    return sandbox_enter();
}

int worker_run(const struct options *options, const struct listener *listener,
               struct scoreboard_slot *slot, unsigned number, int ready_fd) {
    struct worker *worker = calloc(1, sizeof *worker);
    int result;

    if (worker == NULL)
        return 1;
    worker->options = options;
    worker->listener = listener;
    worker->slot = slot;
    intake_init(&worker->intake, options, listener, &slot->stats, number);
    result = start(worker, number);
    if (result < 0) {
        log_event(LOG_CRIT, "worker_start_failed", "a worker could not start",
                  LOG_FIELDS(LOG_TEXT("error", strerror(-result))));
        engine_close(&worker->engine);
        free(worker);
        return 1;
    }
    publish(worker, false);
    child_report_ready(ready_fd);
    result = serve(worker);
    engine_close(&worker->engine);
    free(worker);
    return result;
}
