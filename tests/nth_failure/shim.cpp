// Fails the Nth call of a family of system functions: preloaded, it stands before the C library.
//
//   NTH_REPORT    a file of at least sizeof(report) zero bytes; what happened is written there (see nth_failure.py)
//   NTH_FAMILY    which functions count: malloc, open, read … (the words at each function below)
//   NTH_FROM      N; 0: none fails, they are only counted
//   NTH_HOW       once: the Nth call alone fails; for-good: all after it, too; eintr: the Nth is interrupted once;
//                 short: the Nth moves one byte only; closed: the Nth finds the other side gone
//   NTH_HURRY     if it is set, sleeps take a hundredth of their time
//   NTH_HOME      if it is set, the home directory that the accounts tell
//
// What counts are the calls of the program's own code and of its libraries from main on: not the loader's, and not what
// the C library calls inside itself. The counter is shared with a child until it becomes another program; that one has
// none of this. At the end of the process, by _Exit, the descriptors that are still open are reported.

#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include <dlfcn.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>

// The headers that declare these functions would turn some of them into others.
extern "C" {
struct _IO_FILE;
extern _IO_FILE* stdout;
auto syscall(long number, ...) -> long;
auto getenv(const char* name) noexcept -> char*;
auto unsetenv(const char* name) noexcept -> int;
auto strcmp(const char* a, const char* b) noexcept -> int;
auto __libc_malloc(size_t size) noexcept -> void*;
auto __libc_calloc(size_t count, size_t size) noexcept -> void*;
auto __libc_realloc(void* old, size_t size) noexcept -> void*;
auto __libc_memalign(size_t alignment, size_t size) noexcept -> void*;
}

namespace {

struct process_end {
    std::int32_t pid;
    std::int32_t status;
    std::uint64_t open;  ///< descriptor 0 is bit 0; the last one stands for all from 63 on
};

// Kinds of functions, in the order in which nth_failure.py has them.
constexpr const char* families[] = {"malloc", "open",    "read", "write",  "fsync",  "rename", "posix_spawn",
                                    "pipe",   "connect", "send", "recv",   "stat",   "mkdir",  "flock",
                                    "poll",   "waitpid", "dup",  "thread", "account"};
constexpr std::size_t family_count = sizeof families / sizeof families[0];

/// As nth_failure.py reads it.
struct report {
    std::uint32_t calls;
    std::uint32_t failed;
    std::uint32_t ends;
    std::uint32_t in_accounts;  ///< calls of the account functions that have not come back
    char first[32];             ///< the function that failed first
    process_end end[8];
    std::uint32_t all[family_count][4];  ///< calls of each family: all, and those that can be treated in each way
};

enum class way { once, for_good, eintr, brief, closed };
enum class fate { pass, fail, brief, closed };

// What beside failing can become of a call.
constexpr unsigned interruptible = 1;
constexpr unsigned divisible = 2;
constexpr unsigned closable = 4;

report* told{};
const char* family{};
std::uint32_t nth{};
way how{};
bool hurry{};
const char* home{};
bool armed{};  ///< main has begun

auto raw_getpid() -> std::int32_t {
    return static_cast<std::int32_t>(syscall(SYS_getpid));
}

void count_for_all(const char* group, unsigned can) {
    for (std::size_t i = 0; i < family_count; ++i) {
        if (strcmp(families[i], group) != 0) continue;
        for (const unsigned each : {0U, interruptible, divisible, closable}) {
            if ((can & each) == each)
                __atomic_add_fetch(&told->all[i][each == closable ? 3 : each], 1, __ATOMIC_SEQ_CST);
        }
    }
}

/// Counts the call, and says what becomes of it; errno is set if it fails.
auto fate_of(const char* group, const char* name, int error, unsigned can = 0) -> fate {
    if (!armed) return fate::pass;
    count_for_all(group, can);
    if (family == nullptr || strcmp(group, family) != 0) return fate::pass;
    const unsigned needed = how == way::eintr    ? interruptible
                            : how == way::brief  ? divisible
                            : how == way::closed ? closable
                                                 : 0;
    if ((can & needed) != needed) return fate::pass;
    const auto number = __atomic_add_fetch(&told->calls, 1, __ATOMIC_SEQ_CST);
    if (nth == 0 || (how == way::for_good ? number < nth : number != nth)) return fate::pass;
    if (__atomic_fetch_add(&told->failed, 1, __ATOMIC_SEQ_CST) == 0) {
        for (std::size_t i = 0; i + 1 < sizeof told->first && name[i] != '\0'; ++i) told->first[i] = name[i];
    }
    if (how == way::brief) return fate::brief;
    if (how == way::closed) return fate::closed;
    errno = how == way::eintr ? EINTR : error;
    return fate::fail;
}

auto fails(const char* group, const char* name, int error, unsigned can = 0) -> bool {
    return fate_of(group, name, error, can) == fate::fail;
}

void report_descriptors(int status) {
    if (told == nullptr || !armed) return;
    std::uint64_t open = 0;
    for (unsigned i = 0; i < 256; ++i) {
        if (syscall(SYS_fcntl, i, F_GETFD) != -1) open |= std::uint64_t{1} << (i < 63 ? i : 63);
    }
    const auto place = __atomic_fetch_add(&told->ends, 1, __ATOMIC_SEQ_CST);
    if (place < sizeof told->end / sizeof told->end[0]) told->end[place] = {raw_getpid(), status, open};
}

/// The function of this name that stands behind ours.
template <typename Function>
class next {
public:
    constexpr explicit next(const char* name) : name_{name} {}

    auto operator()() -> Function* {
        auto* found = __atomic_load_n(&found_, __ATOMIC_RELAXED);
        if (found == nullptr) {
            found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name_));
            __atomic_store_n(&found_, found, __ATOMIC_RELAXED);
        }
        return found;
    }

private:
    const char* name_;
    Function* found_{};
};

/// `behind_name`, looked up when this library begins, since a child must not, or earlier for a library that begins
/// before it.
#define BEHIND(name, ...)                                    \
    static constinit next<__VA_ARGS__> behind_##name{#name}; \
    [[maybe_unused]] static const bool known_##name = behind_##name() != nullptr;

auto read_number(const char* text) -> std::uint32_t {
    std::uint32_t number = 0;
    for (; text != nullptr && *text >= '0' && *text <= '9'; ++text) {
        number = number * 10 + static_cast<std::uint32_t>(*text - '0');
    }
    return number;
}

[[gnu::constructor]] void begin() {
    const char* const path = getenv("NTH_REPORT");
    if (path == nullptr) return;
    const long file = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return;
    const long mapped = syscall(SYS_mmap, nullptr, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (mapped < 0 && mapped > -4096) return;
    told = reinterpret_cast<report*>(mapped);
    family = getenv("NTH_FAMILY");
    nth = read_number(getenv("NTH_FROM"));
    hurry = getenv("NTH_HURRY") != nullptr;
    home = getenv("NTH_HOME");
    const char* const word = getenv("NTH_HOW");
    const auto is = [&](const char* one) { return word != nullptr && strcmp(word, one) == 0; };
    how = is("for-good") ? way::for_good
          : is("eintr")  ? way::eintr
          : is("short")  ? way::brief
          : is("closed") ? way::closed
                         : way::once;
    // The strings stay where they are, in the process's first environment.
    for (const char* each :
         {"LD_PRELOAD", "NTH_REPORT", "NTH_FAMILY", "NTH_FROM", "NTH_HOW", "NTH_HURRY", "NTH_HOME"}) {
        unsetenv(each);
    }
}

using main_function = int(int, char**, char**);
main_function* real_main{};

auto counted_main(int argc, char** argv, char** environment) -> int {
    armed = told != nullptr;
    return real_main(argc, argv, environment);
}

struct in_accounts {
    in_accounts() {
        if (told != nullptr) __atomic_add_fetch(&told->in_accounts, 1, __ATOMIC_SEQ_CST);
    }
    in_accounts(const in_accounts&) = delete;
    auto operator=(const in_accounts&) -> in_accounts& = delete;
    ~in_accounts() {
        if (told != nullptr) __atomic_sub_fetch(&told->in_accounts, 1, __ATOMIC_SEQ_CST);
    }
};

struct dirent;
struct dirent64;
struct DIR;

template <typename Call>
auto moved(const char* group, const char* name, int error, unsigned can, size_t size, Call call) -> ssize_t {
    // A message of a few bytes is never divided.
    if (size < 16) can &= ~divisible;
    switch (fate_of(group, name, error, can)) {
        case fate::fail: return -1;
        case fate::brief: return call(size_t{1});
        case fate::closed: return 0;
        case fate::pass: break;
    }
    return call(size);
}

}  // namespace

extern "C" {

auto __libc_start_main(main_function* main, int argc, char** argv, void (*init)(), void (*fini)(), void (*rtld_fini)(),
                       void* stack_end) -> int {
    static next<int(main_function*, int, char**, void (*)(), void (*)(), void (*)(), void*)> behind{
        "__libc_start_main"};
    real_main = main;
    return behind()(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

// What was forked to do one thing and ends by the other name has what was open then.
[[noreturn]] void _Exit(int status) {
    report_descriptors(status);
    for (;;) syscall(SYS_exit_group, status);
}

// malloc

auto malloc(size_t size) noexcept -> void* {
    return fails("malloc", "malloc", ENOMEM) ? nullptr : __libc_malloc(size);
}
auto calloc(size_t count, size_t size) noexcept -> void* {
    return fails("malloc", "calloc", ENOMEM) ? nullptr : __libc_calloc(count, size);
}
auto realloc(void* old, size_t size) noexcept -> void* {
    return size != 0 && fails("malloc", "realloc", ENOMEM) ? nullptr : __libc_realloc(old, size);
}
auto memalign(size_t alignment, size_t size) noexcept -> void* {
    return fails("malloc", "memalign", ENOMEM) ? nullptr : __libc_memalign(alignment, size);
}
auto aligned_alloc(size_t alignment, size_t size) noexcept -> void* {
    return fails("malloc", "aligned_alloc", ENOMEM) ? nullptr : __libc_memalign(alignment, size);
}
auto posix_memalign(void** made, size_t alignment, size_t size) noexcept -> int {
    if (fails("malloc", "posix_memalign", ENOMEM)) return ENOMEM;
    *made = __libc_memalign(alignment, size);
    return *made == nullptr ? ENOMEM : 0;
}

// open

#define OPENS(name)                                                 \
    BEHIND(name, int(const char*, int, ...))                        \
    auto name(const char* path, int flags, ...)->int {              \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        const mode_t mode = va_arg(rest, mode_t);                   \
        va_end(rest);                                               \
        if (fails("open", #name, EMFILE, interruptible)) return -1; \
        return behind_##name()(path, flags, mode);                  \
    }
#define OPENS_AT(name)                                              \
    BEHIND(name, int(int, const char*, int, ...))                   \
    auto name(int parent, const char* path, int flags, ...)->int {  \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        const mode_t mode = va_arg(rest, mode_t);                   \
        va_end(rest);                                               \
        if (fails("open", #name, EMFILE, interruptible)) return -1; \
        return behind_##name()(parent, path, flags, mode);          \
    }
// clang-format off
#define FUNCTION(group, name, type, parameters, arguments, failure, error, can, specified) \
    BEHIND(name, type parameters)  \
    auto name parameters specified -> type { \
        if (fails(group, #name, error, can)) return failure;                               \
        return behind_##name() arguments;                                                      \
    }
// clang-format on

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)
FUNCTION("open", __open_2, int, (const char* path, int flags), (path, flags), -1, EMFILE, interruptible, )
FUNCTION("open", __open64_2, int, (const char* path, int flags), (path, flags), -1, EMFILE, interruptible, )
FUNCTION("open", __openat_2, int, (int parent, const char* path, int flags), (parent, path, flags), -1, EMFILE,
         interruptible, )
FUNCTION("open", __openat64_2, int, (int parent, const char* path, int flags), (parent, path, flags), -1, EMFILE,
         interruptible, )
FUNCTION("open", fopen, _IO_FILE*, (const char* path, const char* mode), (path, mode), nullptr, EMFILE, 0, )
FUNCTION("open", fopen64, _IO_FILE*, (const char* path, const char* mode), (path, mode), nullptr, EMFILE, 0, )
FUNCTION("open", opendir, DIR*, (const char* path), (path), nullptr, EMFILE, 0, )
FUNCTION("open", fdopendir, DIR*, (int file), (file), nullptr, ENOMEM, 0, )
FUNCTION("open", memfd_create, int, (const char* name, unsigned flags), (name, flags), -1, EMFILE, 0, noexcept)
FUNCTION("open", mkostemp, int, (char* name, int flags), (name, flags), -1, EMFILE, 0, )
FUNCTION("open", mkostemp64, int, (char* name, int flags), (name, flags), -1, EMFILE, 0, )
FUNCTION("open", mkstemp, int, (char* name), (name), -1, EMFILE, 0, )
FUNCTION("open", mkstemp64, int, (char* name), (name), -1, EMFILE, 0, )

// read, write

BEHIND(read, ssize_t(int, void*, size_t))
auto read(int file, void* to, size_t size) -> ssize_t {
    return moved("read", "read", EIO, interruptible | divisible, size,
                 [&](size_t some) { return behind_read()(file, to, some); });
}
BEHIND(__read_chk, ssize_t(int, void*, size_t, size_t))
auto __read_chk(int file, void* to, size_t size, size_t room) -> ssize_t {
    return moved("read", "__read_chk", EIO, interruptible | divisible, size,
                 [&](size_t some) { return behind___read_chk()(file, to, some, room); });
}
BEHIND(pread, ssize_t(int, void*, size_t, off_t))
auto pread(int file, void* to, size_t size, off_t at) -> ssize_t {
    return moved("read", "pread", EIO, interruptible | divisible, size,
                 [&](size_t some) { return behind_pread()(file, to, some, at); });
}
BEHIND(pread64, ssize_t(int, void*, size_t, off_t))
auto pread64(int file, void* to, size_t size, off_t at) -> ssize_t {
    return moved("read", "pread64", EIO, interruptible | divisible, size,
                 [&](size_t some) { return behind_pread64()(file, to, some, at); });
}
FUNCTION("read", readdir, dirent*, (DIR * from), (from), nullptr, EIO, 0, )
FUNCTION("read", readdir64, dirent64*, (DIR * from), (from), nullptr, EIO, 0, )
FUNCTION("read", fread, size_t, (void* to, size_t size, size_t count, _IO_FILE* from), (to, size, count, from), 0, EIO,
         0, )

BEHIND(write, ssize_t(int, const void*, size_t))
auto write(int file, const void* bytes, size_t size) -> ssize_t {
    return moved("write", "write", ENOSPC, interruptible | divisible, size,
                 [&](size_t some) { return behind_write()(file, bytes, some); });
}
BEHIND(pwrite, ssize_t(int, const void*, size_t, off_t))
auto pwrite(int file, const void* bytes, size_t size, off_t at) -> ssize_t {
    return moved("write", "pwrite", ENOSPC, interruptible | divisible, size,
                 [&](size_t some) { return behind_pwrite()(file, bytes, some, at); });
}
FUNCTION("write", writev, ssize_t, (int file, const void* parts, int count), (file, parts, count), -1, ENOSPC, 0, )
FUNCTION("write", ftruncate, int, (int file, off_t size), (file, size), -1, EIO, 0, noexcept)
FUNCTION("write", ftruncate64, int, (int file, off_t size), (file, size), -1, EIO, 0, noexcept)
FUNCTION("write", posix_fallocate, int, (int file, off_t from, off_t size), (file, from, size), ENOSPC, ENOSPC, 0, )
FUNCTION("write", posix_fallocate64, int, (int file, off_t from, off_t size), (file, from, size), ENOSPC, ENOSPC, 0, )
// What is printed is written by the C library itself.
FUNCTION("write", fflush, int, (_IO_FILE * to), (to), -1, ENOSPC, 0, )

FUNCTION("fsync", fsync, int, (int file), (file), -1, EIO, interruptible, )
FUNCTION("fsync", fdatasync, int, (int file), (file), -1, EIO, interruptible, )
FUNCTION("rename", rename, int, (const char* from, const char* to), (from, to), -1, ENOSPC, 0, noexcept)
FUNCTION("rename", renameat, int, (int a, const char* from, int b, const char* to), (a, from, b, to), -1, ENOSPC, 0,
         noexcept)
FUNCTION("rename", renameat2, int, (int a, const char* from, int b, const char* to, unsigned flags),
         (a, from, b, to, flags), -1, EIO, 0, noexcept)

// posix_spawn and what does the same, pipe

FUNCTION("posix_spawn", posix_spawn, int,
         (pid_t * made, const char* path, const void* actions, const void* attributes, char* const* argv,
          char* const* environment),
         (made, path, actions, attributes, argv, environment), EAGAIN, EAGAIN, 0, )
FUNCTION("posix_spawn", posix_spawnp, int,
         (pid_t * made, const char* path, const void* actions, const void* attributes, char* const* argv,
          char* const* environment),
         (made, path, actions, attributes, argv, environment), EAGAIN, EAGAIN, 0, )
FUNCTION("posix_spawn", fork, pid_t, (), (), -1, EAGAIN, 0, noexcept)
FUNCTION("posix_spawn", _Fork, pid_t, (), (), -1, EAGAIN, 0, noexcept)
FUNCTION("posix_spawn", execve, int, (const char* path, char* const* argv, char* const* environment),
         (path, argv, environment), -1, EAGAIN, 0, noexcept)
FUNCTION("pipe", pipe, int, (int* ends), (ends), -1, EMFILE, 0, noexcept)
FUNCTION("pipe", pipe2, int, (int* ends, int flags), (ends, flags), -1, EMFILE, 0, noexcept)
FUNCTION("pipe", socketpair, int, (int domain, int type, int protocol, int* ends), (domain, type, protocol, ends), -1,
         EMFILE, 0, noexcept)

// connect, send, recv

FUNCTION("connect", socket, int, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE, 0,
         noexcept)
FUNCTION("connect", connect, int, (int to, const void* address, unsigned size), (to, address, size), -1, ECONNREFUSED,
         0, )

BEHIND(send, ssize_t(int, const void*, size_t, int))
auto send(int to, const void* bytes, size_t size, int flags) -> ssize_t {
    return moved("send", "send", EPIPE, interruptible | divisible, size,
                 [&](size_t some) { return behind_send()(to, bytes, some, flags); });
}
FUNCTION("send", sendto, ssize_t,
         (int to, const void* bytes, size_t size, int flags, const void* address, unsigned length),
         (to, bytes, size, flags, address, length), -1, EPIPE, interruptible, )
FUNCTION("send", sendmsg, ssize_t, (int to, const void* message, int flags), (to, message, flags), -1, EPIPE,
         interruptible, )

BEHIND(recv, ssize_t(int, void*, size_t, int))
auto recv(int of, void* to, size_t size, int flags) -> ssize_t {
    return moved("recv", "recv", ECONNRESET, interruptible | divisible | closable, size,
                 [&](size_t some) { return behind_recv()(of, to, some, flags); });
}
BEHIND(__recv_chk, ssize_t(int, void*, size_t, size_t, int))
auto __recv_chk(int of, void* to, size_t size, size_t room, int flags) -> ssize_t {
    return moved("recv", "__recv_chk", ECONNRESET, interruptible | divisible | closable, size,
                 [&](size_t some) { return behind___recv_chk()(of, to, some, room, flags); });
}
FUNCTION("recv", recvfrom, ssize_t, (int of, void* to, size_t size, int flags, void* address, unsigned* length),
         (of, to, size, flags, address, length), -1, ECONNRESET, interruptible, )
FUNCTION("recv", recvmsg, ssize_t, (int of, void* message, int flags), (of, message, flags), -1, ECONNRESET,
         interruptible, )

// Beside what is asked for: whatever else a check or a watch stands on.

FUNCTION("stat", stat, int, (const char* path, void* seen), (path, seen), -1, EIO, 0, noexcept)
FUNCTION("stat", stat64, int, (const char* path, void* seen), (path, seen), -1, EIO, 0, noexcept)
FUNCTION("stat", lstat, int, (const char* path, void* seen), (path, seen), -1, EIO, 0, noexcept)
FUNCTION("stat", lstat64, int, (const char* path, void* seen), (path, seen), -1, EIO, 0, noexcept)
FUNCTION("stat", fstat, int, (int file, void* seen), (file, seen), -1, EIO, 0, noexcept)
FUNCTION("stat", fstat64, int, (int file, void* seen), (file, seen), -1, EIO, 0, noexcept)
FUNCTION("stat", access, int, (const char* path, int mode), (path, mode), -1, EIO, 0, noexcept)
FUNCTION("mkdir", mkdir, int, (const char* path, mode_t mode), (path, mode), -1, ENOSPC, 0, noexcept)
FUNCTION("mkdir", mkdirat, int, (int parent, const char* path, mode_t mode), (parent, path, mode), -1, ENOSPC, 0,
         noexcept)
FUNCTION("flock", flock, int, (int file, int what), (file, what), -1, ENOLCK, interruptible, noexcept)
FUNCTION("poll", poll, int, (void* files, unsigned long count, int time), (files, count, time), -1, ENOMEM,
         interruptible, )
FUNCTION("poll", __poll_chk, int, (void* files, unsigned long count, int time, size_t room), (files, count, time, room),
         -1, ENOMEM, interruptible, )
FUNCTION("waitpid", waitpid, pid_t, (pid_t of, int* status, int options), (of, status, options), -1, ECHILD,
         interruptible, )
FUNCTION("dup", dup2, int, (int old, int made), (old, made), -1, EMFILE, interruptible, noexcept)
FUNCTION("dup", dup3, int, (int old, int made, int flags), (old, made, flags), -1, EMFILE, interruptible, noexcept)
FUNCTION("thread", pthread_create, int, (void* made, const void* attributes, void* (*begin)(void*), void* argument),
         (made, attributes, begin, argument), EAGAIN, EAGAIN, 0, noexcept)
struct passwd_as_told {
    char* name;
    char* password;
    uid_t user;
    gid_t group;
    char* gecos;
    char* home;
    char* shell;
};

#define ACCOUNT(name, type, told)                                                    \
    BEHIND(name, int(type, void*, char*, size_t, void**))                            \
    auto name(type which, void* entry, char* text, size_t size, void** found)->int { \
        *found = nullptr;                                                            \
        if (fails("account", #name, EIO)) return EIO;                                \
        const in_accounts here;                                                      \
        const int answer = behind_##name()(which, entry, text, size, found);         \
        told;                                                                        \
        return answer;                                                               \
    }

static void tell_home(void* found) {
    if (found != nullptr && home != nullptr) static_cast<passwd_as_told*>(found)->home = const_cast<char*>(home);
}

ACCOUNT(getpwnam_r, const char*, )
ACCOUNT(getpwuid_r, uid_t, tell_home(*found))
ACCOUNT(getgrnam_r, const char*, )
ACCOUNT(getgrgid_r, gid_t, )

struct two_longs {
    long seconds;
    long nanoseconds;
};

static auto hurried(const two_longs& time) -> two_longs {
    const long all = (time.seconds * 1'000'000'000 + time.nanoseconds) / (hurry ? 100 : 1);
    return {all / 1'000'000'000, all % 1'000'000'000};
}

BEHIND(nanosleep, int(const two_longs*, two_longs*))
auto nanosleep(const two_longs* time, two_longs* left) -> int {
    const two_longs less = hurried(*time);
    return behind_nanosleep()(&less, left);
}

BEHIND(clock_nanosleep, int(int, int, const two_longs*, two_longs*))
auto clock_nanosleep(int clock, int flags, const two_longs* time, two_longs* left) -> int {
    const two_longs less = flags == 0 ? hurried(*time) : *time;  // else it is a time of day
    return behind_clock_nanosleep()(clock, flags, &less, left);
}
}
