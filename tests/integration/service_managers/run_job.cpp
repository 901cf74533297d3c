// Runs a job as triggers are run, with a scope where systemd gives one.
//
// usage: run_job [--name NAME] [--user USER] [--timeout MS] [--grace MS] [--at-ready COMMAND] TEXT
//        run_job running|end PID BEGAN BOOT
//
// First prints "mark PID BEGAN BOOT", then how the job ended: exited, signalled or timed-out, the status, its scope or
// "-", why it has none or "-" and then, on lines of their own, its output. --at-ready: run before the job may begin,
// with the pid of this program as $1. "running" prints yes or no, "end" ends such a process.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <powerconsul/adapters/posix/supervisor.hpp>
#if WITH_BUS
#include <powerconsul/adapters/systemd_bus.hpp>
#endif

using namespace powerconsul;

namespace {

#if WITH_BUS
using scopes = systemd_bus;
#else
using scopes = no_scopes;
#endif

auto complain(const error& why) -> int {
    std::printf("failed %s\n", why.message.c_str());
    return 1;
}

auto look(posix_supervisor<scopes>& jobs, char** words) -> int {
    const process_mark mark{std::atoll(words[2]), std::strtoull(words[3], nullptr, 10), words[4]};
    if (words[1] == std::string_view{"end"}) {
        const auto ended = jobs.end(mark);
        return ended ? 0 : complain(ended.error());
    }
    const auto runs = jobs.is_running(mark);
    if (!runs) return complain(runs.error());
    std::puts(*runs ? "yes" : "no");
    return 0;
}

}  // namespace

int main(int count, char** words) {
    posix_supervisor<scopes> jobs;
    if (count == 5 && (words[1] == std::string_view{"running"} || words[1] == std::string_view{"end"})) {
        return look(jobs, words);
    }
    if (count < 2 || count % 2 != 0) return 64;
    std::string at_ready;
    job what{.name = "web-1",
             .argv = {"/bin/sh"},
             .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "GIVEN=value"},
             .script = words[count - 1]};
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view option = words[i];
        if (option == "--name") what.name = words[i + 1];
        if (option == "--user") what.user = words[i + 1];
        if (option == "--timeout") what.timeout = {std::atoi(words[i + 1])};
        if (option == "--grace") what.grace = {std::atoi(words[i + 1])};
        if (option == "--at-ready") at_ready = words[i + 1];
    }
    const auto ended = jobs.run(what, [&](const process_mark& mark) -> result<void> {
        std::printf("mark %lld %llu %s\n", static_cast<long long>(mark.pid),
                    static_cast<unsigned long long>(mark.began), mark.boot.c_str());
        std::fflush(stdout);
        if (at_ready.empty()) return {};
        const std::string command = "set -- " + std::to_string(::getpid()) + "; " + at_ready;
        return std::system(command.c_str()) == 0 ? result<void>{} : fail(errc::failed, "not ready");
    });
    if (!ended) return complain(ended.error());
    const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text.c_str(); };
    constexpr const char* ways[] = {"exited", "signalled", "timed-out"};
    std::printf("%s %d\n%s\n%s\n%s", ways[static_cast<int>(ended->how)], ended->status, or_dash(ended->scope),
                or_dash(ended->no_scope), ended->output.c_str());
    return 0;
}
