#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/proc_stat.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/probes/process/hidepid.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// Index of the process in a table that is ordered by pid.
[[nodiscard]] inline auto find_process(const std::vector<process>& table, std::uint32_t pid)
    -> std::optional<std::size_t> {
    const auto at = algo::lower_bound(table, pid, &process::pid);
    if (at == table.end() || at->pid != pid) return std::nullopt;
    return static_cast<std::size_t>(at - table.begin());
}

}  // namespace detail

/// For each process of a table that is ordered by pid: whether one of its ancestors is marked. Looks at each process
/// once. Parents that form a loop (the table is not read in one moment) end the search.
[[nodiscard]] inline auto below(const std::vector<process>& table, const std::vector<bool>& marked)
    -> std::vector<bool> {
    std::vector<bool> known(table.size());
    std::vector<bool> answers(table.size());
    std::vector<std::size_t> path;
    for (std::size_t i = 0; i < table.size(); ++i) {
        bool answer = false;
        path.clear();
        for (std::size_t at = i;;) {
            if (known[at]) {
                answer = answers[at];
                break;
            }
            known[at] = true;
            path.push_back(at);
            const auto parent = detail::find_process(table, table[at].parent);
            if (!parent) break;
            at = *parent;
            answer = marked[at];
            if (answer) break;
        }
        for (const std::size_t each : path) answers[each] = answer;
    }
    return answers;
}

/// The command line as ps shows it: arguments (as in /proc/<pid>/cmdline, each followed by a NUL) joined by blanks,
/// which also replace newlines; without any, the name in brackets, followed by `<defunct>` if the process has ended.
[[nodiscard]] inline auto command_line(const process& of, std::string arguments) -> std::string {
    while (!arguments.empty() && (arguments.back() == '\0' || arguments.back() == ' ')) arguments.pop_back();
    for (char& c : arguments) {
        if (c == '\0' || c == '\n') c = ' ';
    }
    if (!arguments.empty()) return arguments;
    return '[' + of.name + (of.state == 'Z' || of.state == 'X' ? "] <defunct>" : "]");
}

/// The processes of the machine, or of the container, as read from /proc. `Files` may be a reference. A process that
/// ends while the table is read is left out. Hidden or unreadable processes are an error, never a shorter table: one of
/// them might be the one that is looked for.
template <directory_source Files>
class process_table {
public:
    static constexpr std::size_t max_names = 4'194'304;                  ///< the kernel's largest pid_max
    static constexpr std::size_t max_arguments = std::size_t{8} << 20U;  ///< bytes; the kernel allows 6 MiB
    static constexpr std::size_t max_status = std::size_t{16} << 10U;

    // --- reading the table ---

    [[nodiscard]] static auto read(Files files, std::string root = "/proc") -> result<process_table> {
        return read(std::forward<Files>(files), std::move(root),
                    [](process_table&, std::uint32_t) { return result{true}; });
    }

    /// Reads only this process, those for which `maybe(table, pid)` -> result<bool> is true, and the ancestors of them
    /// all: a status costs the kernel more than everything else that is read of a process. `maybe` may ask the table by
    /// pid.
    template <typename Maybe>
    [[nodiscard]] static auto read(Files files, std::string root, Maybe maybe) -> result<process_table> {
        process_table table{std::forward<Files>(files), std::move(root)};
        auto done = table.fill(maybe);
        if (!done) return unexpected{std::move(done).error()};
        return table;
    }

    /// This process and its kin included, in the order of their pids.
    [[nodiscard]] auto processes() const -> const std::vector<process>& { return processes_; }

    /// Whether a process ended between being listed and being read by read(), arguments() or user(): what it had
    /// started may be missing.
    [[nodiscard]] auto moved() const -> bool { return moved_; }

    // --- asking about one process ---

    /// As in /proc/<pid>/cmdline, each followed by a NUL; std::nullopt if the process has ended and been reaped.
    [[nodiscard]] auto arguments(const process& of) -> result<std::optional<std::string>> {
        auto text = read_of_process(path(of.pid, "/cmdline"), max_arguments);
        if (!text) return refused(text.error());
        // Also empty for a process that has just ended, and for a moment while one starts another program.
        if (*text && (*text)->empty() && !of.kernel && !of.ended) {
            auto again = status(of.pid);
            if (!again) return unexpected{std::move(again).error()};
            const bool there = *again && (*again)->start == of.start && !(*again)->ended;
            if (there) text = read_of_process(path(of.pid, "/cmdline"), max_arguments);
            if (!text) return refused(text.error());
            if (!there) text = std::optional<std::string>{};
        }
        if (!*text) moved_ = true;
        return text;
    }

    /// The effective user; std::nullopt if the process has ended and been reaped.
    [[nodiscard]] auto user(const process& of) -> result<std::optional<std::uint32_t>> { return user(of.pid); }

    [[nodiscard]] auto user(std::uint32_t pid) -> result<std::optional<std::uint32_t>> {
        // The owner of the directory itself is the effective user even of a process that is not dumpable (prctl(2)).
        auto seen = files_.status(path(pid, ""));
        if (!seen) return refused(seen.error());
        if (!*seen) moved_ = true;
        return *seen ? std::optional{(*seen)->uid} : std::optional<std::uint32_t>{};
    }

    /// The same name as in the process's status; std::nullopt if it is gone; its status will tell.
    [[nodiscard]] auto name(std::uint32_t pid) -> result<std::optional<std::string>> {
        auto text = read_of_process(path(pid, "/comm"), max_status);
        if (!text) return refused(text.error());
        if (*text && (*text)->ends_with('\n')) (*text)->pop_back();
        return text;
    }

    /// What /proc/<pid>/cmdline holds now: nothing, for instance, if the process is about to start another program;
    /// std::nullopt if it is gone; its status will tell.
    [[nodiscard]] auto arguments(std::uint32_t pid) -> result<std::optional<std::string>> {
        auto text = read_of_process(path(pid, "/cmdline"), max_arguments);
        if (!text) return refused(text.error());
        return text;
    }

    /// Whether it is in a pid namespace below this process's own, as in a container. Any user may ask; kernels before
    /// Linux 4.1 do not tell, and then it is not. Nor is a process that has ended and been reaped.
    [[nodiscard]] auto in_container(const process& of) -> result<bool> {
        const auto own = namespaces(root_ + "/self/status");
        const auto depth = namespaces(path(of.pid, "/status"));
        if (!own) return refused(own.error());
        if (!depth) return refused(depth.error());
        return *depth > *own;
    }

    /// This process's arguments, each followed by a NUL; empty if it has none.
    [[nodiscard]] auto own_arguments() -> result<std::string> {
        auto text = files_.read(root_ + "/self/cmdline", max_arguments);
        if (!text) return refused(text.error());
        return std::move(*text).value_or("");
    }

    /// The name under which this process was started: its argv[0] without a path. Empty if it has none.
    [[nodiscard]] auto own_name() -> result<std::string> {
        return own_arguments().transform([](const std::string& all) {
            return std::string{base_name(std::string_view{all}.substr(0, all.find('\0')))};
        });
    }

private:
    process_table(Files&& files, std::string root) : files_{std::forward<Files>(files)}, root_{std::move(root)} {}

    [[nodiscard]] auto path(std::uint32_t pid, std::string_view below) const -> std::string {
        return root_ + '/' + std::to_string(pid) + std::string{below};
    }

    [[nodiscard]] auto read_of_process(const std::string& at, std::size_t limit) -> result<std::optional<std::string>> {
        if constexpr (process_file_source<Files>) {
            return files_.read_of_process(at, limit);
        } else {
            return files_.read(at, limit);
        }
    }

    [[nodiscard]] auto refused(const error& why) const -> unexpected {
        const bool right = why.code == errc::io || why.code == errc::denied;
        return fail(why.code, "cannot read the process table: " + why.message +
                                  (right ? ", mount " + root_ + " without hidepid or run as root" : ""));
    }

    /// In how many pid namespaces a process has a number, from that of `root_` on: those after `NSpid:` in its status.
    [[nodiscard]] auto namespaces(const std::string& status) -> result<std::ptrdiff_t> {
        const auto text = read_of_process(status, max_status);
        if (!text) return unexpected{text.error()};
        const std::string_view all = *text ? std::string_view{**text} : std::string_view{};
        const auto line = all.find("\nNSpid:");  // no name can hold a newline here
        if (line == std::string_view::npos) return std::ptrdiff_t{0};
        return algo::count(all.substr(line + 1, all.find('\n', line + 1) - line - 1), '\t');
    }

    [[nodiscard]] auto status(const std::string& at) -> result<std::optional<process>> {
        const auto text = read_of_process(at, max_status);
        if (!text) return refused(text.error());
        if (!*text) return std::optional<process>{};
        return parse_process(**text).transform([](process&& read) { return std::optional{std::move(read)}; });
    }

    /// A directory that is no kernel's /proc may show one process in another's place, and the search for its ancestors
    /// might then never end.
    [[nodiscard]] auto status(std::uint32_t pid) -> result<std::optional<process>> {
        const std::string at = path(pid, "/stat");
        auto read = status(at);
        if (!read || !*read || (*read)->pid == pid) return read;
        return fail(errc::bad_data, quoted(at) + " is the status of process " + std::to_string((*read)->pid) +
                                        ", expected that of " + std::to_string(pid));
    }

    template <typename Maybe>
    [[nodiscard]] auto fill(Maybe& maybe) -> result<void> {
        auto self = status(root_ + "/self/stat");
        if (!self) return unexpected{self.error()};
        if (!*self) return refused({errc::unavailable, quoted(root_ + "/self/stat") + " is not there"});
        const auto names = files_.list(root_, max_names);
        if (!names) return refused(names.error());
        if (!*names) return refused({errc::unavailable, quoted(root_) + " is not there"});
        const error hidden{errc::denied, "processes of other users are hidden"};
        if (hides_processes(files_, root_)) return refused(hidden);
        bool first = false;
        for (const auto& name : **names) {
            const auto pid = whole_number<std::uint32_t>(name);
            if (!pid) continue;
            first = first || *pid == 1;
            const auto wanted = maybe(*this, *pid);
            if (!wanted) return unexpected{wanted.error()};
            if (!*wanted) continue;
            if (auto done = look_at(*pid); !done) return done;
        }
        // The first process of a pid namespace lives as long as the namespace: if it is not listed, hidepid=2 is set.
        if (!first) return refused(hidden);
        const std::uint32_t own = (*self)->pid;
        if (!detail::find_process(processes_, own)) insert(std::move(**self));
        if (auto done = add_parents(); !done) return done;
        mark_kin(own);
        return {};
    }

    [[nodiscard]] auto look_at(std::uint32_t pid) -> result<void> {
        auto each = status(pid);
        if (!each) return unexpected{std::move(each).error()};
        if (*each) {
            insert(std::move(**each));
        } else {
            moved_ = true;
        }
        return {};
    }

    /// Adds the ancestors of all processes, up to the first one. A parent that has ended meanwhile has passed its
    /// children on.
    [[nodiscard]] auto add_parents() -> result<void> {
        std::vector<std::uint32_t> missing;
        for (const auto& each : processes_) missing.push_back(each.parent);
        std::vector<std::uint32_t> gone{0};
        while (!missing.empty()) {
            const std::uint32_t pid = missing.back();
            missing.pop_back();
            if (detail::find_process(processes_, pid) || algo::count(gone, pid) != 0) continue;
            auto parent = status(pid);
            if (!parent) return unexpected{std::move(parent).error()};
            if (*parent) {
                missing.push_back((*parent)->parent);
                insert(std::move(**parent));
            } else {
                gone.push_back(pid);
            }
        }
        return {};
    }

    /// The kernel lists processes in the order of their pids, so this appends, except for ancestors.
    void insert(process&& each) {
        const auto at = std::upper_bound(processes_.begin(), processes_.end(), each,
                                         [](const auto& one, const auto& other) { return one.pid < other.pid; });
        processes_.insert(at, std::move(each));
    }

    void mark_kin(std::uint32_t self) {
        std::vector<bool> own(processes_.size());
        const auto start = detail::find_process(processes_, self);
        if (!start) return;  // cannot happen: this process runs
        own[*start] = true;
        const auto descendants = below(processes_, own);
        for (std::size_t i = 0; i < processes_.size(); ++i) {
            if (descendants[i]) processes_[i].kin = kinship::descendant;
        }
        processes_[*start].kin = kinship::self;
        for (auto at = start;;) {
            at = detail::find_process(processes_, processes_[*at].parent);
            if (!at || processes_[*at].kin == kinship::self || processes_[*at].kin == kinship::ancestor) return;
            processes_[*at].kin = kinship::ancestor;
        }
    }

    Files files_;
    std::string root_;
    std::vector<process> processes_{};
    bool moved_{};
};

}  // namespace powerconsul::inline v0
