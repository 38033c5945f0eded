#include "emulator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "fibers.h"

namespace emulator {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t STACK_BYTES = 256 << 10;
#else
constexpr size_t STACK_BYTES = 64 << 10;
#endif
/* From one stack to the next: a few cache lines more, or the tops of all would share one set of the cache. */
constexpr size_t STACK_STRIDE = STACK_BYTES + 9 * 64;
constexpr int BARRIERS = 16;
constexpr int WARP = 32;
constexpr unsigned char POISON = 0xff;

enum class Order { FORWARD, REVERSE, SHUFFLED };

/* A meeting of a number of threads. */
struct Meeting {
    int arrived = 0;
    unsigned generation = 0;
};

/* The lanes' last two exchanges: a lane may still read one while others write the next. */
struct Warp {
    Meeting meeting;
    unsigned char values[2][WARP][16];
};

struct Copy {
    void* to;
    const void* from;
    unsigned bytes;
};

/* A barrier in shared memory, which holds its number in the block and a mark. */
struct TransactionBarrier {
    unsigned arrivals;
    unsigned pending;
    unsigned phase = 0;
    int64_t bytes = 0; /* announced and not yet arrived */
    std::vector<Copy> copies;
};

constexpr uint64_t BARRIER_MARK = 0x6261727269657200u;

struct Block {
    dim3 index;
    unsigned rank;
    std::unique_ptr<unsigned char, void (*)(void*)> shared{nullptr, free};
    Meeting barriers[BARRIERS];
    std::vector<Warp> warps;
    std::vector<TransactionBarrier> transactions;
};

/* A cp.async of 16 bytes, of which `bytes` are read. */
struct AsyncCopy {
    void* to;
    const void* from;
    int bytes;
    int group;
};

struct Thread {
    Fiber fiber;
    Place place;
    Block* block;
    int number;
    bool done;
    const Meeting* awaited; /* until its generation is another; NULL where the thread may run */
    unsigned generation;
    std::vector<AsyncCopy> copies;

    bool may_run() const {
        return !done && (awaited == nullptr || awaited->generation != generation);
    }
    int group; /* that the next copy belongs to */
};

/* The launch that is running: one at a time on an operating-system thread. */
struct Running {
    Launch launch;
    Order order;
    const std::function<void()>* body;
    Fiber scheduler;
    std::vector<Block> blocks; /* of the cluster */
    std::vector<Thread> threads;
    Meeting cluster_meeting;
    /* Grows whenever a thread gets further; a round in which it does not is a deadlock. */
    uint64_t progress;
};

thread_local Running* running = nullptr;
thread_local Thread* thread = nullptr;

Order order() {
    const char* name = getenv("ADASPEC_EMULATOR_ORDER");
    if (name == nullptr || strcmp(name, "forward") == 0) {
        return Order::FORWARD;
    }
    if (strcmp(name, "reverse") == 0) {
        return Order::REVERSE;
    }
    if (strcmp(name, "shuffled") == 0) {
        return Order::SHUFFLED;
    }
    fault("ADASPEC_EMULATOR_ORDER is %s; forward, reverse or shuffled was expected", name);
}

uint64_t seed() {
    const char* text = getenv("ADASPEC_EMULATOR_SEED");
    return text != nullptr ? strtoull(text, nullptr, 10) : 1;
}

/* The other threads go on; returns when it is this one's turn again. */
void yield() {
    thread->fiber.switch_to(running->scheduler);
}

/* The threads' stacks, kept from launch to launch: fresh memory for each would cost more than small kernels do. */
char* stacks_for(size_t threads) {
    static thread_local char* stacks = nullptr;
    static thread_local size_t held = 0;
    if (threads > held) {
        if (held > 0) {
            munmap(stacks, STACK_STRIDE * held);
        }
        stacks = (char*)mmap(nullptr, STACK_STRIDE * threads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED) {
            fault("no memory for %zu stacks", threads);
        }
        held = threads;
    }
    return stacks;
}

/* The last of `count` threads opens the way for all. */
void meet(Meeting& meeting, int count) {
    const unsigned generation = meeting.generation;
    running->progress++;
    if (++meeting.arrived == count) {
        meeting.arrived = 0;
        meeting.generation++;
    }
    if (meeting.generation == generation) {
        thread->awaited = &meeting;
        thread->generation = generation;
        yield();
        thread->awaited = nullptr;
    }
}

void thread_entry() {
    thread->fiber.entered();
    (*running->body)();
    thread->done = true;
    running->progress++;
    thread->fiber.switch_to(running->scheduler, true);
    abort();
}

/* The numbers 0 to n - 1 in the order asked for. */
std::vector<int> numbers_in_order(int n, std::mt19937_64& random) {
    std::vector<int> numbers((size_t)n);
    for (int i = 0; i < n; i++) {
        numbers[(size_t)i] = running->order == Order::REVERSE ? n - 1 - i : i;
    }
    if (running->order == Order::SHUFFLED) {
        std::shuffle(numbers.begin(), numbers.end(), random);
    }
    return numbers;
}

void start_block(Block& block, dim3 index, unsigned rank, const Launch& launch) {
    block.index = index;
    block.rank = rank;
    /* Memory of its own, so that AddressSanitizer sees what reaches past it. */
    const size_t bytes = (launch.shared_bytes + 127) / 128 * 128;
    block.shared.reset(bytes == 0 ? nullptr : (unsigned char*)aligned_alloc(128, bytes));
    memset(block.shared.get(), POISON, bytes);
    std::fill(block.barriers, block.barriers + BARRIERS, Meeting());
    block.warps.assign((size_t)(launch.threads / WARP), Warp());
    block.transactions.clear();
    block.transactions.reserve(64);
}

/* Runs the threads of one cluster to their end. */
void run_cluster(char* stacks, std::mt19937_64& random) {
    std::vector<Thread>& threads = running->threads;
    running->cluster_meeting = Meeting();
    for (size_t i = 0; i < threads.size(); i++) {
        Thread& t = threads[i];
        t.block = &running->blocks[i / (size_t)running->launch.threads];
        t.number = (int)(i % (size_t)running->launch.threads);
        t.place = {dim3((unsigned)t.number, 0, 0), t.block->index, running->launch.blocks, dim3((unsigned)running->launch.threads)};
        t.done = false;
        t.awaited = nullptr;
        t.copies.clear();
        t.group = 0;
        t.fiber.prepare(stacks + i * STACK_STRIDE, STACK_BYTES, thread_entry);
    }
    size_t live = threads.size();
    std::vector<int> turn = numbers_in_order((int)threads.size(), random);
    while (live > 0) {
        const uint64_t before = running->progress;
        for (int i : turn) {
            thread = &threads[(size_t)i];
            if (thread->may_run()) {
                running->scheduler.switch_to(thread->fiber);
                live -= thread->done;
            }
        }
        if (live > 0 && running->progress == before) {
            thread = &*std::find_if(threads.begin(), threads.end(), [](const Thread& t) { return !t.done; });
            fault("deadlock: %zu of %zu threads wait for what never comes (a barrier that not all reach, or a missing arrival)", live, threads.size());
        }
        if (running->order == Order::SHUFFLED) {
            std::shuffle(turn.begin(), turn.end(), random);
        }
    }
    thread = nullptr;
}

TransactionBarrier& transaction(uint64_t* barrier) {
    const uint64_t number = *barrier - BARRIER_MARK;
    if (number >= thread->block->transactions.size()) {
        fault("the barrier at %p was never initialised", (void*)barrier);
    }
    return thread->block->transactions[number];
}

void turn_phase_if_complete(TransactionBarrier& barrier) {
    if (barrier.pending == 0 && barrier.bytes == 0 && barrier.copies.empty()) {
        barrier.phase ^= 1;
        barrier.pending = barrier.arrivals;
        running->progress++;
    }
}

/* The copies that a barrier waits for arrive now. */
void deliver(TransactionBarrier& barrier) {
    for (const Copy& copy : barrier.copies) {
        memcpy(copy.to, copy.from, copy.bytes);
        barrier.bytes -= copy.bytes;
    }
    barrier.copies.clear();
    turn_phase_if_complete(barrier);
}

}  // namespace

void run(const Launch& launch, const std::function<void()>& body) {
    if (launch.threads % WARP != 0 || launch.threads < WARP || launch.threads > 1024) {
        fault("%d threads in a block; a multiple of 32 up to 1024 was expected", launch.threads);
    }
    if (launch.blocks.x % (unsigned)launch.cluster != 0 || launch.cluster > 16) {
        fault("%u blocks in clusters of %d", launch.blocks.x, launch.cluster);
    }
    if (launch.shared_bytes > 227 << 10) {
        fault("%zu bytes of shared memory; a block has at most 227 KiB", launch.shared_bytes);
    }
    if (running != nullptr) {
        fault("a kernel launches a kernel");
    }
    const size_t threads = (size_t)launch.cluster * (size_t)launch.threads;
    Running here;
    here.launch = launch;
    here.order = order();
    here.body = &body;
    here.blocks.resize((size_t)launch.cluster);
    here.threads.resize(threads);
    here.progress = 0;
    running = &here;
    char* stacks = stacks_for(threads);
    std::mt19937_64 random(seed());
    const unsigned clusters_x = launch.blocks.x / (unsigned)launch.cluster;
    const int clusters = (int)(clusters_x * launch.blocks.y * launch.blocks.z);
    for (int c : numbers_in_order(clusters, random)) {
        const unsigned x = (unsigned)c % clusters_x * (unsigned)launch.cluster;
        const unsigned y = (unsigned)c / clusters_x % launch.blocks.y;
        const unsigned z = (unsigned)c / clusters_x / launch.blocks.y;
        for (unsigned rank = 0; rank < (unsigned)launch.cluster; rank++) {
            start_block(here.blocks[rank], dim3(x + rank, y, z), rank, launch);
        }
        run_cluster(stacks, random);
    }
    running = nullptr;
}

const Place& place() {
    return thread->place;
}

unsigned char* shared_bytes() {
    return thread->block->shared.get();
}

unsigned cluster_rank() {
    return thread->block->rank;
}

void* in_cluster(void* shared, unsigned rank) {
    if (rank >= running->blocks.size()) {
        fault("block %u of a cluster of %zu", rank, running->blocks.size());
    }
    return running->blocks[rank].shared.get() + ((unsigned char*)shared - shared_bytes());
}

void fault(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "emulator: ");
    if (thread != nullptr) {
        fprintf(stderr, "block (%u, %u, %u), thread %d: ", thread->block->index.x, thread->block->index.y, thread->block->index.z, thread->number);
    }
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    fflush(stderr);
    _Exit(3);
}

void block_barrier() {
    meet(thread->block->barriers[0], running->launch.threads);
}

void named_barrier(int id, int count) {
    if (id < 1 || id >= BARRIERS || count % WARP != 0 || count > running->launch.threads) {
        fault("barrier %d for %d threads", id, count);
    }
    meet(thread->block->barriers[id], count);
}

void cluster_barrier() {
    meet(running->cluster_meeting, (int)running->threads.size());
}

const unsigned char* exchange(unsigned mask, const void* value, size_t bytes) {
    const int lane = thread->number % WARP;
    if (bytes > 16 || !(mask >> lane & 1)) {
        fault("a lane outside the mask %08x, or %zu bytes, in an exchange", mask, bytes);
    }
    Warp& warp = thread->block->warps[(size_t)(thread->number / WARP)];
    const unsigned slot = warp.meeting.generation & 1;
    memcpy(warp.values[slot][lane], value, bytes);
    meet(warp.meeting, __builtin_popcount(mask));
    return warp.values[slot][0];
}

void barrier_init(uint64_t* barrier, unsigned arrivals) {
    std::vector<TransactionBarrier>& all = thread->block->transactions;
    *aligned(barrier) = BARRIER_MARK + all.size();
    all.push_back({arrivals, arrivals, 0, 0, {}});
}

void barrier_arrive(uint64_t* barrier, unsigned transaction_bytes) {
    TransactionBarrier& b = transaction(barrier);
    if (b.pending == 0) {
        /* Nobody waited, so the copies took their time; for the next phase to begin they must have come. */
        deliver(b);
    }
    if (b.pending == 0) {
        fault("more than %u arrivals at a barrier", b.arrivals);
    }
    b.bytes += transaction_bytes;
    b.pending--;
    running->progress++;
    turn_phase_if_complete(b);
}

void barrier_wait(uint64_t* barrier, unsigned parity) {
    /* The phase waited for is over when the current one differs in parity. */
    while (transaction(barrier).phase == parity) {
        TransactionBarrier& b = transaction(barrier);
        if (b.pending == 0 && !b.copies.empty()) {
            deliver(b);
        } else {
            yield();
        }
    }
}

void async_copy(void* shared, const void* global, int bytes) {
    if (((uintptr_t)shared | (uintptr_t)global) % 16 != 0 || bytes < 0 || bytes > 16) {
        fault("an async copy of %d bytes from %p to %p; at most 16 between multiples of 16 were expected", bytes, global, shared);
    }
    memset(shared, POISON, 16);
    thread->copies.push_back({shared, global, bytes, thread->group});
}

void async_commit() {
    thread->group++;
}

void async_wait(int left) {
    std::vector<AsyncCopy>& copies = thread->copies;
    const auto late = std::stable_partition(copies.begin(), copies.end(), [=](const AsyncCopy& copy) { return copy.group < thread->group - left; });
    for (auto copy = copies.begin(); copy != late; copy++) {
        memset(copy->to, 0, 16);
        memcpy(copy->to, copy->from, (size_t)copy->bytes);
    }
    copies.erase(copies.begin(), late);
}

void bulk_copy(void* shared, const void* global, unsigned bytes, uint64_t* barrier) {
    if (((uintptr_t)shared | (uintptr_t)global | bytes) % 16 != 0) {
        fault("a bulk copy of %u bytes from %p to %p; multiples of 16 were expected", bytes, global, shared);
    }
    memset(shared, POISON, bytes);
    transaction(barrier).copies.push_back({shared, global, bytes});
    running->progress++;
}

}  // namespace emulator
