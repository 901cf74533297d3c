#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/time.hpp>

#include "http.hpp"
#include "options.hpp"
#include "run.hpp"
#include "tls_program.hpp"
#include "watchdog.hpp"

#if !defined(POWERCONSUL_TLS_DIR)
#define POWERCONSUL_TLS_DIR ""
#endif

namespace {

/// The user's home directory where HOME is not set, as under a Consul agent that was started by a service manager.
/// Empty if the user has none.
[[nodiscard]] auto home_directory() -> powerconsul::result<std::string> {
    // Without memory glibc says that there is none, too: that is believed the second time.
    const passwd* user = nullptr;
    for (int asked = 0; asked < 2 && user == nullptr; ++asked) {
        errno = 0;
        user = getpwuid(geteuid());  // NOLINT(concurrency-mt-unsafe): before anything else is started
        if (user == nullptr && errno != 0 && errno != ENOENT && errno != ESRCH) {
            return powerconsul::system_failure("look up the home directory, where the configuration may be, of user",
                                               std::to_string(geteuid()), errno);
        }
    }
    return user == nullptr || user->pw_dir == nullptr ? std::string{} : std::string{user->pw_dir};
}

/// Arguments and environment: what is there without asking anybody.
[[nodiscard]] auto given_to_process(int argc, char** argv) -> powerconsul::cli::invocation {
    powerconsul::cli::invocation call;
    for (int i = 1; i < argc; ++i) call.args.emplace_back(argv[i]);
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string_view variable{*each};
        const auto equals = variable.find('=');
        if (equals != std::string_view::npos) {
            call.environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
        }
    }
    return call;
}

/// Standard input, to its end or to one of the limits.
[[nodiscard]] auto read_input(std::size_t limit, powerconsul::milliseconds time) -> powerconsul::result<std::string> {
    const powerconsul::posix_clock clock;
    const auto deadline = clock.monotonic() + time;
    // Of a pipe nobody knows how much there will be, and a text that grows is there twice for a moment. What is only
    // reserved costs no memory; where so much cannot be had, the text grows after all.
    struct stat seen {};
    const bool sized = fstat(STDIN_FILENO, &seen) == 0 && S_ISREG(seen.st_mode);
    std::string text;
    try {
        text.reserve(sized && static_cast<std::size_t>(seen.st_size) < limit ? static_cast<std::size_t>(seen.st_size)
                                                                             : limit);
    } catch (const std::bad_alloc&) {
    }
#ifdef F_SETPIPE_SZ
    // As much as everybody may have: fewer turns with who writes. A file does not mind.
    if (!sized) static_cast<void>(fcntl(STDIN_FILENO, F_SETPIPE_SZ, 1 << 20));
#endif
    std::string buffer(std::size_t{128} * 1024, '\0');
    for (;;) {
        const auto left = (deadline - clock.monotonic()).count;
        pollfd input{STDIN_FILENO, POLLIN, 0};
        const int ready = left <= 0 ? 0 : poll(&input, 1, static_cast<int>(left));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) {
            return powerconsul::fail(powerconsul::errc::timed_out, "standard input did not end in time");
        }
        const auto got = read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return powerconsul::system_failure("read", "standard input", errno);
        if (got == 0) return text;
        if (text.size() + static_cast<std::size_t>(got) > limit) {
            return powerconsul::fail(powerconsul::errc::bad_data, "standard input has more than the " +
                                                                      std::to_string(limit) + " bytes that are taken");
        }
        text.append(buffer, 0, static_cast<std::size_t>(got));
    }
}

/// A process of its own, in a session of its own, that holds nothing of the parent's open: Consul waits until the last
/// holder of its pipes is gone.
[[nodiscard]] auto detach() -> powerconsul::result<bool> {
    static_cast<void>(std::fflush(nullptr));
    const pid_t child = fork();
    if (child < 0) return powerconsul::system_failure("make", "a process of its own", errno);
    if (child > 0) return false;
    setsid();
    const int nothing = open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(nothing, fd);
    closefrom(3);
    return true;
}

/// What the parent left is no base to stand on: a file or socket opened later must not become standard output or
/// error, a closed pipe must not end the check without a verdict, and the ends of children must not be lost.
void settle() {
    // Opened the wrong way round, so that writing to what was closed fails as before.
    for (const int fd : {0, 1, 2}) {
        if (fcntl(fd, F_GETFD) == -1) static_cast<void>(open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY));
    }
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    static_cast<void>(std::signal(SIGCHLD, SIG_DFL));
}

/// Runs the command and prints what it has to say; gives the exit status. Throws std::bad_alloc where there is not even
/// the memory to say that there is none.
[[nodiscard]] auto carry_out(int argc, char** argv, std::optional<powerconsul::cli::watchdog>& guard) -> int {
    auto call = given_to_process(argc, argv);
    call.limit = [&](powerconsul::cli::last_word known) {
        if (guard) {
            guard->change(std::move(known));
        } else {
            guard.emplace(std::move(known));
        }
    };
    call.home = home_directory;
    call.input = read_input;
    call.detach = detach;
    if (!powerconsul::cli::has_tls()) {
        call.with_tls = [argv] { return powerconsul::cli::go_on_with_tls(argv, POWERCONSUL_TLS_DIR); };
    }
    call.host = powerconsul::host_name();

    std::string out;
    std::string err;
    int status = powerconsul::cli::run(call, out, err);
    if (guard) guard->finish();
    const bool written = std::fwrite(out.data(), 1, out.size(), stdout) == out.size() && std::fflush(stdout) == 0;
    const int why_not = errno;
    static_cast<void>(std::fwrite(err.data(), 1, err.size(), stderr));
    // Who has closed a pipe does not want to hear more.
    if (!written && why_not != EPIPE) {
        const auto why = std::generic_category().message(why_not);
        static_cast<void>(std::fprintf(stderr, "powerconsul: cannot write to standard output: %s\n", why.c_str()));
    }
    // A verdict that nobody could read was not given.
    if (!written && status == 0) status = 1;
    static_cast<void>(std::fflush(stderr));
    return status;
}

/// The kind of a check; empty if the command is another one.
[[nodiscard]] auto kind_of_check(int argc, char** argv) -> std::string_view {
    for (int i = 1; i + 1 < argc; ++i) {
        const std::string_view kind{argv[i + 1]};
        if (std::string_view{argv[i]} != "check") continue;
        if (powerconsul::cli::is_kind_of_check(kind)) return kind;
    }
    return {};
}

[[nodiscard]] auto asks_for_text(int argc, char** argv) -> bool {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word{argv[i]};
        if (word.starts_with("--format=")) return word.ends_with("=text");
        if (word == "--format" && i + 1 < argc) return std::string_view{argv[i + 1]} == "text";
    }
    const char* const variable = std::getenv("POWERCONSUL_FORMAT");  // NOLINT(concurrency-mt-unsafe): nobody sets one
    return variable != nullptr && std::string_view{variable} == "text";
}

/// Says that there is no memory, without any: a check's line lacks its subject then. Gives the exit status.
[[nodiscard]] auto without_memory(int argc, char** argv) -> int {
    const auto kind = kind_of_check(argc, argv);
    std::string_view before = "powerconsul: there is not enough memory\n";
    std::string_view after;
    if (!kind.empty() && asks_for_text(argc, argv)) {
        before = "UNKNOWN - the ";
        after = " cannot be judged: there is not enough memory\n";
    } else if (!kind.empty()) {
        before = R"({"type":")";
        after = R"(","expects":null,"clustered":null,"state":"unknown","code":1,"role":"unknown",)"
                R"("reason":"there is not enough memory","basis":"none"})"
                "\n";
    }
    iovec parts[3]{};
    const std::string_view texts[3]{before, kind, after};
    for (int i = 0; i < 3; ++i) parts[i] = {const_cast<char*>(texts[i].data()), texts[i].size()};
    const auto written =
        powerconsul::uninterrupted([&] { return writev(kind.empty() ? STDERR_FILENO : STDOUT_FILENO, parts, 3); });
    static_cast<void>(written);  // there is nobody else to tell
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    settle();
    std::optional<powerconsul::cli::watchdog> guard;
    int status = 1;
    try {
        status = carry_out(argc, argv, guard);
    } catch (const std::bad_alloc&) {
        if (guard) guard->finish();
        status = without_memory(argc, argv);
    }
    // A thread that waits for a name server may be left behind: nothing is torn down below its feet.
    std::_Exit(status);
}
