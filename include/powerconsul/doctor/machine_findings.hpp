#pragma once

#include <powerconsul/checks/kinds/all.hpp>
#include <powerconsul/doctor/findings.hpp>
#include <powerconsul/doctor/process_findings.hpp>
#include <powerconsul/heal/pause.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/machine.hpp>
#include <powerconsul/ports/trust.hpp>
#include <powerconsul/probes/plugin.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

/// What doctor looks at on the machine itself. `calls` has the agent's checks that call powerconsul; nothing if they
/// are not known.
namespace powerconsul::inline v0 {

namespace detail {

/// files_of_user with all that a store of files has: nothing is written or locked.
template <locking_file_store Files>
struct unchanged_files : files_of_user<Files> {
    using lock_type = typename Files::lock_type;

    unchanged_files(Files& from, std::uint32_t user) : files_of_user<Files>{from, user} {}

    [[nodiscard]] auto list(const std::string& path, std::size_t limit) { return this->files.list(path, limit); }
    [[nodiscard]] auto lock(const std::string&, milliseconds) -> result<lock_type> { return refused(); }
    [[nodiscard]] auto replace(const std::string&, std::string_view, std::uint32_t = 0600,
                               durability = durability::flushed) -> result<void> {
        return refused();
    }
    [[nodiscard]] auto make_directory(const std::string&) -> result<void> { return refused(); }
    [[nodiscard]] auto remove(const std::string&) -> result<void> { return refused(); }

private:
    [[nodiscard]] static auto refused() -> unexpected { return fail(errc::denied, "nothing is written here"); }
};

/// Whether `user` can write a directory. The system answers only for the current user; for another, owner and mode
/// decide. Root may write anywhere.
template <file_source Files, local_machine Machine>
[[nodiscard]] auto can_write(Files& files, Machine& machine, const std::string& path, std::uint32_t user) -> bool {
    if (user == files.user()) return machine.can_write(path);
    const auto seen = files.status(path);
    if (user == 0 || !seen || !*seen) return user == 0;
    const std::uint32_t needed = (*seen)->uid == user ? 0300U : 0003U;
    return ((*seen)->mode & needed) == needed;
}

/// The path of a record modified more than a minute after `now` (wall clock); empty if there is none.
template <directory_source Files>
[[nodiscard]] auto record_from_future(Files& files, const std::string& state_dir, milliseconds now) -> std::string {
    constexpr std::size_t most_records = 100'000;
    for (const std::string_view folder : {"/last-known/", "/journal/"}) {
        const std::string path = state_dir + std::string{folder};
        auto names = files.list(path.substr(0, path.size() - 1), most_records);
        if (!names || !*names) continue;
        algo::sort(**names);
        for (const auto& each : **names) {
            const auto seen = files.status(path + each);
            if (seen && *seen && (*seen)->modified > now.count / 1000 + 60) return path + each;
        }
    }
    return {};
}

[[nodiscard]] inline auto with_option(const std::optional<std::vector<examined_check>>& calls, std::string_view option)
    -> std::vector<examined_check> {
    auto all = calls.value_or(std::vector<examined_check>{});
    std::erase_if(all, [&](const auto& each) { return !each.line.has(option); });
    return all;
}

}  // namespace detail

/// Looks at the directory that keeps last known roles and journals. `user` is the id of the user who runs the checks.
template <file_source Files, local_machine Machine>
[[nodiscard]] auto look_at_state_directory(Files& files, Machine& machine, const std::string& path, std::uint32_t user)
    -> finding {
    const std::string point = "state directory";
    detail::files_of_user<Files> theirs{files, user};
    const auto trusted = trusted_directory(theirs, path);
    if (!trusted) {
        const bool refused = trusted.error().code == errc::denied;
        return {point, refused ? condition::error : condition::unknown,
                trusted.error().message + (refused ? ": nothing is remembered, so that no standby takes over" : ""),
                "set --state-dir to a directory of the agent's user, of mode 0700"};
    }
    // One that does not exist is made in the directory above it.
    const auto above = path.rfind('/', path.find_last_not_of('/'));
    const std::string looked = *trusted ? path : above == std::string::npos ? "." : path.substr(0, above + 1);
    if (!detail::can_write(files, machine, looked, user)) {
        return {
            point, condition::error,
            path + (*trusted ? "" : " is not there and") +
                " cannot be written by the user who runs the checks: nothing is remembered, so that no standby takes over, and no trigger runs",
            "install -d -o <the agent's user> -m 0700 " + path};
    }
    const free_room left = machine.room(looked);
    if (left.bytes == std::uint64_t{0} || left.files == std::uint64_t{0}) {
        return {point, condition::error,
                path + ": the file system has no " + (left.bytes == std::uint64_t{0} ? "space" : "inode") +
                    " left: nothing is remembered, so that no standby takes over, and no trigger runs",
                "make room there"};
    }
    if (!left.bytes) return {point, condition::unknown, path + ": the space that is left cannot be told", {}};
    return {point,
            condition::ok,
            path + (*trusted ? " is safe and can be written" : " will be made by the first check"),
            {}};
}

/// `named` is the manager that the node's configuration names, if it does.
template <file_source Files>
[[nodiscard]] auto look_at_service_manager(Files& files, std::optional<service_manager> named,
                                           const std::optional<std::vector<examined_check>>& calls) -> finding {
    const auto asks = [](const examined_check& each) {
        const auto kind = algo::find(checks::all_kinds::words, each.line.words.subject, &checks::kind_words::name);
        return kind != checks::all_kinds::words.end() && kind->asks_service_manager;
    };
    const bool needed = calls && algo::any_of(*calls, asks);
    finding found{.point = "service manager", .state = condition::ok};
    const auto manager = named ? result{*named} : detect_service_manager(files);
    if (manager) {
        found.what = to_string(*manager);
        return found;
    }
    if (calls && !needed) {
        found.what = "none was found, and no check needs one";
        return found;
    }
    // Each check may name its own.
    for (const auto& each : calls.value_or(std::vector<examined_check>{})) {
        if (!each.chosen || !each.chosen->manager) continue;
        found.what = "the checks name " + std::string{to_string(*each.chosen->manager)};
        return found;
    }
    found.state = needed ? condition::error : condition::unknown;
    found.what = manager.error().message;
    found.remedy = "set --service-manager";
    return found;
}

template <file_source Files, local_machine Machine>
[[nodiscard]] auto look_at_plugin(Files& files, Machine& machine,
                                  const std::optional<std::vector<examined_check>>& calls) -> finding {
    const std::string point = "plugin";
    const auto users = detail::with_option(calls, "nagiosargs");
    if (users.empty()) {
        return calls ? finding{point, condition::ok, "no check needs check_procs", {}}
                     : finding{point, condition::unknown, "whether a check needs check_procs is not known", {}};
    }
    std::vector<std::string> seen;
    for (const auto& each : users) {
        std::string path = each.line.value("plugin").value_or("");
        if (path.empty()) {
            auto found = find_plugin(files, "check_procs");
            if (!found) return {point, condition::error, found.error().message, "set --plugin"};
            path = std::move(*found);
        }
        if (!machine.can_execute(path)) {
            return {point, condition::error, path + " is not there or cannot be executed",
                    "install monitoring-plugins-basic (Debian), or correct --plugin of check " + each.id};
        }
        if (algo::find(seen, path) == seen.end()) seen.push_back(std::move(path));
    }
    return {point, condition::ok, listed(seen), {}};
}

/// 2026-11-01, wall clock. No powerconsul existed before this time.
inline constexpr milliseconds first_release{std::int64_t{1'793'491'200'000}};

template <directory_source Files, local_machine Machine>
[[nodiscard]] auto look_at_clock(Files& files, Machine& machine, const std::string& state_dir, milliseconds now)
    -> finding {
    const std::string remedy = "let chrony, ntpd or systemd-timesyncd set it";
    if (now < first_release) {
        return {"clock", condition::error, "it is before the time at which this program was made", remedy};
    }
    if (const std::string record = detail::record_from_future(files, state_dir, now); !record.empty()) {
        return {"clock", condition::error, record + " is from the future: the clock was set back",
                remedy + "; else delete that file"};
    }
    const auto synchronized = machine.clock_is_synchronized();
    if (!synchronized) return {"clock", condition::unknown, "the kernel does not say whether it is synchronized", {}};
    if (*synchronized) return {"clock", condition::ok, "it is synchronized", {}};
    return {"clock", condition::warning, "it is not synchronized: ages and back-offs may be wrong", remedy};
}

/// Looks at the file that stops all actions. `user` is the id of the user who runs the handlers.
template <file_source Files>
[[nodiscard]] auto look_at_stop_file(Files& files, const std::string& path, std::uint32_t user, milliseconds now,
                                     const agent_mounts& mounts) -> finding {
    const std::string point = "stop file";
    if (mounts.hides(path)) {
        return {point, condition::warning,
                path + " is another path for the agent (PrivateTmp or the like): a file put there stops nothing",
                "set --stop-file to one that both see, as in /etc or /run"};
    }
    if (auto reason = stop_file_hold(files, path, now); !reason.empty()) {
        return {point, condition::warning, std::move(reason), {}};
    }
    const auto there = files.status(path);
    if (!there || !*there) return {point, condition::ok, path + " is not there", {}};
    const bool readable = user == 0 || user == (*there)->uid || ((*there)->mode & 0004U) != 0;
    if (readable) return {point, condition::ok, path + " is there, and its time is over", "delete it"};
    return {point, condition::warning,
            path + " is over, but the user who runs the handlers cannot read that, so that it holds for them",
            "delete it"};
}

/// Looks at the files that keep their checks passing while they exist, as the agent sees them.
template <file_source Files, local_machine Machine>
[[nodiscard]] auto look_at_noop_files(Files& files, Machine& machine, milliseconds now,
                                      const std::optional<std::vector<examined_check>>& calls,
                                      const agent_mounts& mounts = {}) -> std::vector<finding> {
    const std::string point = "noop file";
    if (!calls) return {{point, condition::unknown, "the agent's checks are not known", "look at each -F"}};
    constexpr milliseconds day = seconds(86'400);
    std::vector<finding> found;
    std::size_t young = 0;
    for (const auto& each : detail::with_option(calls, "noopfile")) {
        const std::string named = each.line.value("noopfile").value_or("");
        std::string path = machine.real_path(named);
        if (mounts.hides(named)) {
            found.push_back({point, condition::warning,
                             named + (path.empty() ? "" : " is there, but it") +
                                 " is another path for the agent (PrivateTmp or the like): check " + each.id +
                                 " does not see a file put there",
                             "let -F name one that both see, as in /etc or /run"});
            path = mounts.of_agent(named);  // the system would resolve it to the file of this process
        }
        const auto seen = files.status(path.empty() ? named : path);
        if (!seen) found.push_back(could_not_look(point, seen.error()));
        if (!seen || !*seen || (*seen)->kind != file_kind::regular) continue;
        const milliseconds age{now.count - (*seen)->modified * 1000};
        const std::string hours = std::to_string(age.count / 3'600'000) + " h";
        const auto most = parse_long_duration(each.line.value("noop-max-age").value_or(""), 3650);
        if (most && age > *most) {
            found.push_back(
                {point, condition::warning, named + " is " + hours + " old and no longer counts", "delete it"});
        } else if (age > day) {
            found.push_back({point, condition::warning, named + " has held its check as passing for " + hours,
                             "delete it, or give the check --noop-max-age"});
        } else {
            ++young;
        }
    }
    if (!found.empty()) return found;
    if (young == 0) return {{point, condition::ok, "none is there", {}}};
    return {{point,
             condition::ok,
             std::to_string(young) + (young == 1 ? " is" : " are") + " there, less than a day old",
             {}}};
}

}  // namespace powerconsul::inline v0
