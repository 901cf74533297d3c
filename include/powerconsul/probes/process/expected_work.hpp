#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/pattern.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/accounts.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/process/invocation.hpp>
#include <powerconsul/probes/process/observers.hpp>
#include <powerconsul/probes/process/process_table.hpp>

namespace powerconsul::inline v0 {

/// Which processes show that the service is at work, whatever its manager says: those that match text or expression.
struct work_filter {
    std::string text{};        ///< part of the command line (--procstr), see find_work(); not used if empty
    std::string expression{};  ///< regular expression (--procre), see find_work(); not used if empty
    std::string user{};        ///< effective user, by name or number (--work-user); any if empty
    bool containers{};         ///< those in pid namespaces below this process's own count, too (--containers)

    /// Whether accounts are looked up: that of the user, and those whose names `ps aux` shows.
    [[nodiscard]] auto names_user() const -> bool {
        return (!user.empty() && (!text.empty() || !expression.empty())) || !expression.empty() ||
               text.find(' ') != std::string::npos;
    }
};

struct work {
    std::uint32_t pid{};
    std::string command{};  ///< one line, shortened
    bool by_text{};         ///< whether the text matched, or else the expression

    friend auto operator==(const work&, const work&) -> bool = default;
};

/// Fails with errc::usage if the filter is empty or every process would match, errc::bad_data for a wrong expression.
[[nodiscard]] inline auto validate(const work_filter& filter) -> result<void> {
    if (filter.text.empty() && filter.expression.empty()) {
        return fail(errc::usage, "every process matches an empty text; give something to look for");
    }
    if (filter.expression.empty()) return {};
    const auto compiled = pattern::compile(filter.expression);
    if (!compiled) return unexpected{compiled.error()};
    const auto all = compiled->occurs_in("");
    if (!all) return unexpected{all.error()};
    if (!*all) return {};
    return fail(errc::usage, "the expression " + quoted(filter.expression) +
                                 " matches every process, expected is one that does not match an empty text");
}

/// A line like those of `ps aux`, and where its columns begin.
struct ps_line {
    std::string text{};
    std::size_t pid{};      ///< of the first digit of the process id
    std::size_t command{};  ///< of the command line
};

/// Formats a process as `ps aux` of procps-ng does. User, process id, state and command line are right; the columns
/// that would have to be measured are 0, without a terminal. `pid_width` is the number of digits of the largest pid.
[[nodiscard]] inline auto format_ps_line(const process& of, std::string user, std::string_view command,
                                         std::size_t pid_width) -> ps_line {
    constexpr std::size_t user_width = 8;
    if (user.size() > user_width) user.replace(user_width - 1, std::string::npos, "+");
    user.resize(user_width, ' ');
    const std::string pid = std::to_string(of.pid);
    ps_line line{std::move(user) + ' '};
    if (pid.size() < pid_width) line.text.append(pid_width - pid.size(), ' ');
    line.pid = line.text.size();
    line.text += pid + "  0.0  0.0      0     0 ?        " + of.state + "    00:00   0:00 ";
    line.command = line.text.size();
    line.text += command;
    return line;
}

namespace detail {

/// Looks through the process table, up to three times if nothing is found and processes end meanwhile. Files and
/// Accounts are used by reference.
template <directory_source Files, account_source Accounts>
class work_search {
public:
    work_search(Files& files, Accounts& accounts, const work_filter& filter)
        : files_{files}, accounts_{accounts}, filter_{filter} {}

    [[nodiscard]] auto run(const std::string& root) -> result<std::optional<work>> {
        if (auto valid = validate(filter_); !valid) return unexpected{valid.error()};
        if (!filter_.expression.empty()) {
            auto compiled = pattern::compile(filter_.expression);
            if (!compiled) return unexpected{std::move(compiled).error()};
            expression_ = std::move(*compiled);
        }
        if (const auto largest = files_.read(root + "/sys/kernel/pid_max", 32); largest && *largest) {
            pid_width_ = trimmed(**largest).size();
        }
        if (!filter_.user.empty()) {
            const auto user = find_user(accounts_, filter_.user);
            if (!user) return unexpected{user.error()};
            user_ = *user;
        }
        // If a process starts another one and ends, a look may miss both.
        for (int looks = 1;; ++looks) {
            auto table = process_table<Files&>::read(files_, root);
            if (!table) return unexpected{std::move(table).error()};
            auto found = look(*table);
            if (!found || *found || !table->moved() || looks == 3) return found;
        }
    }

private:
    enum class matched : unsigned char { no, by_text, by_expression };

    [[nodiscard]] auto look(process_table<Files&>& table) -> result<std::optional<work>> {
        const auto name = table.own_name();
        if (!name) return unexpected{name.error()};
        const auto observers = find_observers(table, [&](const process& check, const std::string& line) {
            return match(table, check, line).transform([](matched how) { return how != matched::no; });
        });
        if (!observers) return unexpected{observers.error()};
        const auto& all = table.processes();
        std::optional<work> first;
        std::uint64_t start = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            // A process that has ended does no work, and a kernel thread has no command line, only a name.
            if ((*observers)[i] != attendance::none || all[i].ended || all[i].kernel) continue;
            auto arguments = table.arguments(all[i]);
            if (!arguments) return unexpected{std::move(arguments).error()};
            if (!*arguments) continue;
            const std::string line = command_line(all[i], std::move(**arguments));
            if (find_invocations(line, *name).any) continue;
            const auto how = match(table, all[i], line);
            if (!how) return unexpected{how.error()};
            if (*how == matched::no || (first && all[i].start >= start)) continue;
            const auto counts = may_count(table, all[i]);
            if (!counts) return unexpected{counts.error()};
            if (!*counts) continue;
            start = all[i].start;
            first = work{all[i].pid, one_line(line, 80), *how == matched::by_text};
        }
        return first;
    }

    [[nodiscard]] auto match(process_table<Files&>& table, const process& each, const std::string& line)
        -> result<matched> {
        const auto& text = filter_.text;
        if (!text.empty() && line.find(text) != std::string::npos) return matched::by_text;
        if (expression_) {
            const auto within = expression_->occurs_in(line);
            if (!within) return unexpected{within.error()};
            if (*within) return matched::by_expression;
        }
        // A text without a blank lies within one column, and so do the columns that are not the command.
        if (!expression_ && text.find(' ') == std::string::npos) return matched::no;
        const auto user = table.user(each);
        if (!user) return unexpected{user.error()};
        if (!*user) return matched::no;
        const auto name = name_of(**user);
        if (!name) return unexpected{name.error()};
        const auto shown = format_ps_line(each, *name, line, pid_width_);
        const std::size_t before = shown.command - std::min(shown.command, text.size());
        if (text.find(' ') != std::string::npos && shown.text.find(text, before + 1) != std::string::npos) {
            return matched::by_text;
        }
        if (!expression_) return matched::no;
        const auto found = expression_->match_start(shown.text);
        if (!found) return unexpected{found.error()};
        return *found && **found > shown.pid ? matched::by_expression : matched::no;
    }

    /// Whether user and namespace are right.
    [[nodiscard]] auto may_count(process_table<Files&>& table, const process& each) -> result<bool> {
        if (user_) {
            const auto user = table.user(each);
            if (!user) return unexpected{user.error()};
            if (*user != user_) return false;
        }
        if (filter_.containers) return true;
        return table.in_container(each).transform([](bool inside) { return !inside; });
    }

    /// Each user is looked up once: a directory service may have to be asked.
    [[nodiscard]] auto name_of(std::uint32_t user) -> result<std::string> {
        for (const auto& [id, name] : names_) {
            if (id == user) return name;
        }
        auto name = accounts_.user_name(user);
        if (!name) return unexpected{std::move(name).error()};
        names_.emplace_back(user, *name ? std::move(**name) : std::to_string(user));
        return names_.back().second;
    }

    Files& files_;
    Accounts& accounts_;
    const work_filter& filter_;
    std::optional<pattern> expression_{};
    std::optional<std::uint32_t> user_{};
    std::size_t pid_width_{5};
    std::vector<std::pair<std::uint32_t, std::string>> names_{};
};

}  // namespace detail

/// The matching process that started first, if there is one. Text and expression are searched for in the command line;
/// and since the original looked at lines of `ps aux`, both are tried on a line like those, too: the expression from
/// its start and at least into the process id, as the name of a user alone is no work; the text where it reaches into
/// the command. Calls of this program and of check_procs do not count, nor does what find_observers() finds: their
/// command lines may hold the text too. What a trigger or a watch started does count. Fails with
/// errc::bad_data if there is no such user.
template <directory_source Files, account_source Accounts>
[[nodiscard]] auto find_work(Files& files, Accounts& accounts, const work_filter& filter,
                             const std::string& root = "/proc") -> result<std::optional<work>> {
    return detail::work_search<Files, Accounts>{files, accounts, filter}.run(root);
}

/// Asks the process table first: a match counts as running, and the wrapped probe is not run. If the table cannot be
/// read, the wrapped probe's "running" stands and anything else is unknown. Models `probe`. All but the filter may be
/// references.
template <probe Probe, directory_source Files, account_source Accounts>
class counting_work {
public:
    counting_work(Probe look, work_filter filter, Files files, Accounts accounts, std::string root = "/proc")
        : look_{std::forward<Probe>(look)},
          filter_{std::move(filter)},
          files_{std::forward<Files>(files)},
          accounts_{std::forward<Accounts>(accounts)},
          root_{std::move(root)} {}

    [[nodiscard]] auto operator()() -> observed {
        const auto found = find_work(files_, accounts_, filter_, root_);
        if (!found) {
            observed seen = look_();
            if (seen.state == observation::running) return seen;
            return {observation::unknown,
                    seen.reason + (seen.reason.empty() ? "" : "; ") +
                        "whether other work of it counts cannot be told: " + found.error().message,
                    seen.remedy};
        }
        if (!*found) return look_();
        const auto& [pid, command, by_text] = **found;
        return {observation::running,
                "process " + std::to_string(pid) + " (" + quoted(command) + ") counts as this service's work (" +
                    (by_text ? "--procstr " + quoted(filter_.text) : "--procre " + quoted(filter_.expression)) + ')'};
    }

private:
    Probe look_;
    work_filter filter_;
    Files files_;
    Accounts accounts_;
    std::string root_;
};

/// Files and accounts that are lvalues are held by reference, the probe by value.
template <probe Probe, directory_source Files, account_source Accounts>
counting_work(Probe, work_filter, Files&, Accounts&) -> counting_work<Probe, Files&, Accounts&>;
template <probe Probe, directory_source Files, account_source Accounts>
counting_work(Probe, work_filter, Files&, Accounts&, std::string) -> counting_work<Probe, Files&, Accounts&>;

}  // namespace powerconsul::inline v0
