#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <sys/uio.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/adapters/posix/process.hpp>
#include <powerconsul/checks/kinds/all.hpp>

#include "http.hpp"
#include "run.hpp"

#if !defined(POWERCONSUL_TLS_DIR)
#define POWERCONSUL_TLS_DIR ""
#endif

namespace {

/// Replaces this process by powerconsul-https with the same arguments: the same program, but with TLS. It is looked for
/// in the folder of this program, then in `folder`. Returns only if it cannot be started, and says why:
/// errc::configuration. Nothing may have been read from standard input before.
[[nodiscard]] auto go_on_with_tls(char* const* arguments, const std::string& folder) -> powerconsul::error {
    const std::string own = powerconsul::posix_machine{}.link_target("/proc/self/exe");
    std::string tried;
    for (const auto& each : {own.substr(0, own.rfind('/')), folder}) {
        if (each.empty()) continue;
        const std::string program = each + "/powerconsul-https";
        ::execv(program.c_str(), arguments);
        const int why = errno;
        tried +=
            (tried.empty() ? "" : "; ") + powerconsul::quoted(program) + ": " + std::generic_category().message(why);
        if (why != ENOENT) break;
    }
    return {powerconsul::errc::configuration,
            "an https address needs the program powerconsul-https, which cannot be started (" + tried +
                "); install it in the folder of powerconsul"};
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

/// Runs the command and prints what it has to say; gives the exit status. Throws std::bad_alloc where there is not even
/// the memory to say that there is none.
[[nodiscard]] auto carry_out(int argc, char** argv, std::optional<powerconsul::watchdog>& guard) -> int {
    auto call = given_to_process(argc, argv);
    call.limit = [&](powerconsul::last_word known) {
        if (guard) {
            guard->change(std::move(known));
        } else {
            guard.emplace(std::move(known));
        }
    };
    call.home = powerconsul::home_directory;
    call.input = powerconsul::read_standard_input;
    call.detach = powerconsul::detach_process;
    if (!powerconsul::cli::has_tls()) {
        call.with_tls = [argv] { return go_on_with_tls(argv, POWERCONSUL_TLS_DIR); };
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
        if (powerconsul::checks::all_kinds::contains(kind)) return kind;
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
    powerconsul::settle_process();
    std::optional<powerconsul::watchdog> guard;
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
