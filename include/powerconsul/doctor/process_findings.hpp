#pragma once

#include <powerconsul/doctor/findings.hpp>
#include <powerconsul/ports/executor.hpp>

/// What the agent's process means for the checks and handlers that it starts: which files they see, what ends them, and
/// what they may do.
namespace powerconsul::inline v0 {

namespace detail {

/// A mount point as /proc/<pid>/mountinfo writes it: blanks, backslashes and line ends as `\040`.
[[nodiscard]] inline auto unescaped_mount(std::string_view text) -> std::string {
    std::string path;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view digits = text[i] == '\\' ? text.substr(i + 1, 3) : std::string_view{};
        const bool octal = digits.size() == 3 && digits.find_first_not_of("01234567") == std::string_view::npos;
        path += octal ? static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0')) : text[i];
        if (octal) i += 3;
    }
    return path;
}

/// Where a path leads among these mounts: the device, and the path in its file system. Empty if no mount covers it.
[[nodiscard]] inline auto place_of(std::string_view mountinfo, std::string_view path) -> std::string {
    std::string place;
    std::size_t longest = 0;
    while (!mountinfo.empty()) {
        // 36 35 98:0 /root/in/the/file/system /mount/point rw - ext3 /dev/root rw
        const auto fields = split(next_part(mountinfo, '\n'), ' ');
        if (fields.size() < 5) continue;
        std::string point = unescaped_mount(fields[4]);
        if (point == "/") point.clear();
        const bool covers = path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
        // The last of several mounts on one point hides the others.
        if (!covers || point.size() < longest) continue;
        longest = point.size();
        place = std::string{fields[2]} + ' ' + (fields[3] == "/" ? "" : unescaped_mount(fields[3])) +
                std::string{path.substr(point.size())};
    }
    return place;
}

}  // namespace detail

/// The file systems as the agent sees them, beside those of this process: systemd's PrivateTmp= and the like give it
/// other files below the same paths.
class agent_mounts {
public:
    /// Nothing is told apart without a process, or where its mounts cannot be read.
    agent_mounts() = default;
    template <file_source Files>
    agent_mounts(Files& files, int pid) : root_{"/proc/" + std::to_string(pid) + "/root"} {
        constexpr std::size_t most = std::size_t{4} * 1024 * 1024;
        const auto read = [&](const std::string& who) {
            const auto text = files.read("/proc/" + who + "/mountinfo", most);
            return text && *text ? **text : std::string{};
        };
        ours_ = read("self");
        theirs_ = read(std::to_string(pid));
    }

    /// Whether the agent finds another file at this path, or none, whoever puts one there.
    [[nodiscard]] auto hides(std::string_view path) const -> bool {
        if (ours_.empty() || theirs_.empty()) return false;
        return detail::place_of(ours_, path) != detail::place_of(theirs_, path);
    }
    /// The path at which this process finds what the agent finds at `path`.
    [[nodiscard]] auto of_agent(const std::string& path) const -> std::string {
        return hides(path) ? root_ + path : path;
    }

private:
    std::string root_{};
    std::string ours_{};
    std::string theirs_{};
};

/// The agent's unit of systemd, from its /proc/<pid>/cgroup; empty if it has none.
[[nodiscard]] inline auto unit_of(std::string_view cgroup) -> std::string {
    while (!cgroup.empty()) {
        const auto line = next_part(cgroup, '\n');
        const bool is_systemd = line.starts_with("0::") || line.find(":name=systemd:") != std::string_view::npos;
        for (auto path = is_systemd ? line : std::string_view{}; !path.empty();) {
            const auto part = next_part(path, '/');
            if (part.ends_with(".service") && !part.starts_with("user@")) return std::string{part};
        }
    }
    return {};
}

/// Whether a restart of the agent also ends what triggers have started: those of root have scopes of their own below
/// systemd, and for others it follows from the KillMode of the agent's unit.
template <file_source Files, local_machine Machine, command_executor Executor>
[[nodiscard]] auto look_at_unit(Files& files, Machine& machine, Executor& programs, const agent_process& agent)
    -> finding {
    const std::string point = "agent's unit";
    const auto cgroup = files.read("/proc/" + std::to_string(agent.pid) + "/cgroup", std::size_t{64} * 1024);
    const std::string unit = unit_of(cgroup && *cgroup ? **cgroup : "");
    if (unit.empty()) return {point, condition::ok, "it is no service of systemd: its end ends nothing else", {}};
    if (agent.user == 0) {
        return {point, condition::ok, "a restart of " + unit + " ends no trigger: each has a scope of its own", {}};
    }
    const std::string program = machine.can_execute("/usr/bin/systemctl") ? "/usr/bin/systemctl" : "/bin/systemctl";
    const auto end = programs.run({.argv = {program, "show", "--no-pager", "--property=KillMode", "--", unit},
                                   .environment = {"LC_ALL=C"},
                                   .timeout = seconds(2)});
    if (!end) return could_not_look(point, end.error());
    constexpr std::string_view name = "KillMode=";
    const auto answer = trimmed(end->out);
    if (!end->exited_with(0) || !answer.starts_with(name)) {
        return {point, condition::unknown, "systemctl does not tell the KillMode of " + unit, {}};
    }
    const std::string mode{answer.substr(name.size())};
    if (mode == "process" || mode == "none") return {point, condition::ok, unit + " has KillMode=" + mode, {}};
    return {
        point, condition::warning,
        unit + " has KillMode=" + mode +
            ": when it is restarted, whatever triggers have started ends with it, since only root gives them scopes of their own",
        "systemctl edit " + unit + ": KillMode=process below [Service]"};
}

/// Who runs the checks and triggers, and whether sudo can work there.
template <file_source Files>
[[nodiscard]] auto look_at_user(Files& files, const agent_process& process) -> finding {
    const std::string point = "agent's user";
    if (process.user == 0) return {point, condition::ok, "checks and triggers run as root", {}};
    const std::string who = "checks and triggers run as the user with the id " + std::to_string(process.user);
    const auto status = files.read("/proc/" + std::to_string(process.pid) + "/status", std::size_t{64} * 1024);
    if (!status || !*status || (*status)->find("\nNoNewPrivs:\t1\n") == std::string::npos) {
        return {point, condition::ok, who, {}};
    }
    return {point, condition::warning, who + ", for whom sudo does not work (NoNewPrivileges)",
            "allow that user by polkit what triggers do, or set NoNewPrivileges=no in the agent's unit"};
}

}  // namespace powerconsul::inline v0
