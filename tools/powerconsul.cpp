#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "cli.hpp"
#include "watchdog.hpp"

namespace {

/// The user's home directory where HOME is not set, as under a Consul agent that was started by a service manager.
[[nodiscard]] auto home_directory() -> std::string {
    const passwd* const user = getpwuid(geteuid());
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

/// What the parent left is no base to stand on: a file or socket opened later must not become standard output or
/// error, a closed pipe must not end the check without a verdict, and the ends of children must not be lost.
void settle() {
    // Opened the wrong way round, so that writing to what was closed fails as before.
    for (const int fd : {0, 1, 2}) {
        if (fcntl(fd, F_GETFD) == -1) static_cast<void>(open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY));
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);
}

}  // namespace

int main(int argc, char** argv) {
    settle();
    auto call = given_to_process(argc, argv);
    std::optional<powerconsul::cli::watchdog> guard;
    if (auto word = powerconsul::cli::last_word_of(call)) {
        guard.emplace(std::move(*word));
        call.limit = [&](powerconsul::cli::last_word known) { guard->change(std::move(known)); };
    }
    if (call.environment.find("HOME") == call.environment.end()) call.environment.emplace("HOME", home_directory());
    char host[256] = {};
    if (gethostname(host, sizeof host - 1) == 0) call.host = host;

    std::string out;
    std::string err;
    int status = powerconsul::cli::run(call, out, err);
    if (guard) guard->finish();
    const bool written = std::fwrite(out.data(), 1, out.size(), stdout) == out.size() && std::fflush(stdout) == 0;
    std::fwrite(err.data(), 1, err.size(), stderr);
    // A verdict that nobody could read was not given.
    if (!written && status == 0) status = 1;
    // A thread that waits for a name server may be left behind: nothing is torn down below its feet.
    std::fflush(stderr);
    std::_Exit(status);
}
