#pragma once

#include <csignal>

#include <sys/types.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/scope_maker.hpp>

namespace powerconsul::inline v0::detail {

/// The scope that systemd made for a job alone, as a control group: what the job has started is in it, whatever session
/// or group it is in. Of use also to a process that did not start the job.
class job_scope {
public:
    /// That of a process which has not been reaped; none if it has no scope of its own.
    [[nodiscard]] static auto of(pid_t leader) -> job_scope {
        const std::string theirs = group_of(std::to_string(leader));
        // A job that powerconsul runs inside of another's may have been left in that one's scope.
        if (theirs == group_of("self")) return {};
        const std::string_view unit = base_name(theirs);
        if (!unit.starts_with(job_scope_prefix) || !unit.ends_with(".scope")) return {};
        job_scope found;
        for (const auto* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {  // alone, or beside version 1
            const std::string path = root + theirs + "/cgroup.procs";
            if (found.processes_.empty() && ::access(path.c_str(), R_OK) == 0) found.processes_ = path;
        }
        found.leader_ = leader;
        return found;
    }

    /// Sends a signal, none if it is 0, to all processes but those of the leader's group and `spared`. Whether there
    /// were any.
    [[nodiscard]] auto signal(int number, pid_t spared) const -> bool {
        if (processes_.empty()) return false;
        const auto listed = posix_files{}.read(processes_, std::size_t{1} << 20U);
        bool any = false;
        for (std::string_view rest = listed && *listed ? **listed : std::string_view{}; !rest.empty();) {
            const auto pid = static_cast<pid_t>(whole_number<std::uint32_t>(next_part(rest, '\n')).value_or(0));
            if (pid <= 1 || pid == spared || ::getpgid(pid) == leader_) continue;
            any = ::kill(pid, number) == 0 || any;
        }
        return any;
    }

private:
    /// The path of a process's control group of version 2, which systemd keeps wherever the kernel has it.
    [[nodiscard]] static auto group_of(const std::string& process) -> std::string {
        const auto text = posix_files{}.read("/proc/" + process + "/cgroup", std::size_t{64} << 10U);
        std::string_view rest = text && *text ? **text : std::string_view{};
        while (!rest.empty()) {
            const auto line = next_part(rest, '\n');
            if (line.starts_with("0::")) return std::string{line.substr(3)};
        }
        return {};
    }

    pid_t leader_{};
    std::string processes_{};
};

}  // namespace powerconsul::inline v0::detail
