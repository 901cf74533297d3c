#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/adapters/posix/process.hpp>
#include <powerconsul/checks/kinds/all.hpp>

#include "beside.hpp"
#include "host.hpp"
#include "http.hpp"
#include "run.hpp"

#if !defined(POWERCONSUL_STATIC)
#define POWERCONSUL_STATIC 0
#endif
#if !defined(POWERCONSUL_BESIDE)
#define POWERCONSUL_BESIDE 0
#endif

namespace {

/// Replaces this process by one of the file that this program was started from. Returns only if that cannot be done.
void start_anew(char* const* arguments, const std::vector<std::string>& words) {
    std::string program = powerconsul::posix_machine{}.link_target("/proc/self/exe");
    constexpr std::string_view deleted = " (deleted)";
    if (program.ends_with(deleted)) program.resize(program.size() - deleted.size());
    std::vector<std::string> kept = words;
    std::vector<char*> given{arguments[0]};
    for (auto& each : kept) given.push_back(each.data());
    given.push_back(nullptr);
    ::execv(program.c_str(), given.data());
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

/// A process of its own, see detach_process(). The agent's restart, which a trigger may ask for, must not end it in the
/// middle of one: it leaves the agent's unit where it may.
[[nodiscard]] auto detach() -> powerconsul::result<bool> {
    auto child = powerconsul::detach_process();
    if (child && *child) {
        auto left = powerconsul::seconds(5);
        // There is no log yet to tell a failure to, and doctor tells where scopes are not to be had.
        static_cast<void>(powerconsul::cli::systemd_units{}.open_scope(
            {"powerconsul.worker", "detached watch of powerconsul", {static_cast<std::uint32_t>(getpid())}}, left));
    }
    return child;
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
    call.detach = detach;
    call.act_as_owner = powerconsul::become_owner_of;
    call.is_old = powerconsul::program_was_replaced;
    call.renew = [argv](const std::vector<std::string>& words) { start_anew(argv, words); };
    namespace cli = powerconsul::cli;
    if (!cli::has_tls()) call.with_tls = [] { return cli::go_on_in(cli::program_with_tls, "an https address"); };
    if (POWERCONSUL_STATIC != 0) {
        call.with_libraries = [](const std::string& what) { return cli::go_on_in(cli::program_with_libraries, what); };
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

/// The kind of a check, empty if it is none that is known; nothing if the command is another one.
[[nodiscard]] auto kind_of_check(int argc, char** argv) -> std::optional<std::string_view> {
    for (int i = 1; i < argc; ++i) {
        if (std::string_view{argv[i]} != "check") continue;
        const std::string_view kind{i + 1 < argc ? argv[i + 1] : ""};
        if (powerconsul::checks::all_kinds::contains(kind)) return kind;
        if (i == 1) return std::string_view{};
    }
    return std::nullopt;
}

/// The value of an option or, without it, of its variable; empty if neither is there.
[[nodiscard]] auto value_of(std::string_view option, const char* variable, int argc, char** argv) -> std::string_view {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word{argv[i]};
        if (!word.starts_with(option)) continue;
        if (word.size() == option.size()) return i + 1 < argc ? argv[i + 1] : "";
        if (word[option.size()] == '=') return word.substr(option.size() + 1);
    }
    const char* const value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets one
    return value == nullptr ? "" : value;
}

/// Says that there is no memory, without any: a check's line lacks its subject then. Gives the exit status.
[[nodiscard]] auto without_memory(int argc, char** argv) -> int {
    const auto kind = kind_of_check(argc, argv);
    std::string_view texts[5]{"powerconsul: there is not enough memory\n"};
    std::string_view code = "1";
    if (kind) {
        const auto asked = value_of("--unknown-exit", "POWERCONSUL_UNKNOWN_EXIT", argc, argv);
        if (asked == "2" || asked == "3") code = asked;
        if (value_of("--format", "POWERCONSUL_FORMAT", argc, argv) == "text") {
            texts[0] = "UNKNOWN - the ";
            texts[1] = kind->empty() ? "check" : *kind;
            texts[2] = " cannot be judged: there is not enough memory\n";
        } else {
            texts[0] = R"({"type":")";
            texts[1] = *kind;
            texts[2] = R"(","expects":null,"clustered":null,"state":"unknown","code":)";
            texts[3] = code;
            texts[4] = R"(,"role":"unknown","reason":"there is not enough memory","basis":"none"})"
                       "\n";
        }
    }
    iovec parts[5]{};
    for (int i = 0; i < 5; ++i) parts[i] = {const_cast<char*>(texts[i].data()), texts[i].size()};
    const auto written =
        powerconsul::uninterrupted([&] { return writev(kind ? STDOUT_FILENO : STDERR_FILENO, parts, 5); });
    static_cast<void>(written);  // there is nobody else to tell
    return code.front() - '0';
}

/// Whether it is certain from the command line alone that the static program has to go on in another one: the sooner,
/// the cheaper. A configuration that names another service manager is carried out there, too.
[[nodiscard]] auto goes_on_at_once(int argc, char** argv) -> bool {
    const std::string_view command{argc > 1 ? argv[1] : ""};
    if (powerconsul::cli::takes_libraries(command)) return true;
    if (command != "check" || argc < 3 || !powerconsul::is_one_of(argv[2], {"service", "servicegroup"})) return false;
    const auto manager = value_of("--service-manager", "POWERCONSUL_SERVICE_MANAGER", argc, argv);
    return manager == "systemd" || (manager.empty() && access("/run/systemd/system", F_OK) == 0);
}

}  // namespace

int main(int argc, char** argv) {
    powerconsul::settle_process();
    powerconsul::cli::keep_arguments(argv);
    // Whoever looks for the program finds it by the name under which it was started.
    if (POWERCONSUL_BESIDE != 0) prctl(PR_SET_NAME, argc > 0 ? powerconsul::base_name(argv[0]).data() : "powerconsul");
    // Where that fails, run() tells why.
    if (POWERCONSUL_STATIC != 0 && goes_on_at_once(argc, argv)) {
        static_cast<void>(powerconsul::cli::go_on_in(powerconsul::cli::program_with_libraries, ""));
    }
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
