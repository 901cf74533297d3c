#pragma once

#include <array>
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
#include <powerconsul/ports/files.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/process/invocation.hpp>
#include <powerconsul/probes/process/observers.hpp>
#include <powerconsul/probes/process/process_table.hpp>

namespace powerconsul::inline v0 {

// --- what to look for ---

/// Which processes count: those that match every member that is given.
struct process_filter {
    std::string name{};                   ///< of the program, without a path; any if empty
    std::string cmdline{};                ///< regular expression, searched anywhere in the command line; any if empty
    std::optional<std::uint32_t> user{};  ///< effective user id
    bool containers{};                    ///< those in pid namespaces below this process's own count, too
};

/// How many processes there should be.
struct count_range {
    std::size_t min{1};                ///< 1 or more
    std::optional<std::size_t> max{};  ///< no upper limit if not set

    friend constexpr auto operator==(const count_range&, const count_range&) -> bool = default;
};

/// Parses `min:max`, `min:` or `:max`, with numbers from 1 to 4194304. Fails with errc::usage for anything else, saying
/// what to write instead.
[[nodiscard]] inline auto parse_count(std::string_view text) -> result<count_range> {
    const auto refuse = [&](const std::string& why) {
        return fail(errc::usage, quoted(text) + " is no range for a count of processes: " + why);
    };
    const std::string form = "write min:max, min: or :max with whole numbers from 1 up to 4194304";
    const auto number = [](std::string_view word) {
        return whole_number<std::size_t>(word, 4'194'304);  // the kernel has no more pids
    };
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        if (const auto bare = number(text); bare && *bare > 0) {
            const std::string n{text};
            return refuse("write " + n + ':' + n + " for exactly " + n + " or " + n +
                          ": for that many and more (to "
                          "check_procs a bare number is the largest, here :" +
                          n + ')');
        }
        return refuse(form);
    }
    const std::string_view low = text.substr(0, colon);
    const std::string_view high = text.substr(colon + 1);
    count_range range;
    if (!low.empty()) {
        const auto min = number(low);
        if (!min) return refuse(form);
        if (*min == 0) return refuse("it starts with 0, and no process at all is what \"stopped\" means, " + form);
        range.min = *min;
    }
    if (!high.empty()) {
        range.max = number(high);
        if (!range.max) return refuse(form);
        if (*range.max < range.min) return refuse("it ends before it starts, " + form);
    } else if (low.empty()) {
        return refuse(form);
    }
    return range;
}

/// Fails with errc::usage if the filter is empty or no process could ever match, errc::bad_data for a wrong expression.
[[nodiscard]] inline auto validate(const process_filter& filter) -> result<void> {
    if (filter.name.empty() && filter.cmdline.empty() && !filter.user) {
        return fail(errc::usage, "all processes match, give a name, an expression for the command line or a user");
    }
    if (filter.name.starts_with('/')) {
        return fail(errc::usage, quoted(filter.name) + " is a path, and processes have names: give its last part");
    }
    if (filter.name.find('\0') != std::string::npos) {
        return fail(errc::usage, quoted(filter.name) + " cannot be a process's name: it has a NUL byte");
    }
    if (filter.cmdline.empty()) return {};
    const auto compiled = pattern::compile(filter.cmdline);
    if (!compiled) return unexpected{compiled.error()};
    return {};
}

/// What the filter looks for, as a sentence's subject: `nginx`, `process of user www-data with command line "…"`.
/// `user_name` is the name of filter.user; if empty, the number is shown.
[[nodiscard]] inline auto describe(const process_filter& filter, std::string_view user_name = {}) -> std::string {
    std::string text = filter.name.empty() ? "process" : one_line(filter.name, 80);
    if (filter.user) {
        text += " of user " + (user_name.empty() ? std::to_string(*filter.user) : one_line(user_name, 80));
    }
    if (!filter.cmdline.empty()) text += " with command line " + quoted(filter.cmdline);
    return text;
}

namespace detail {

/// The name that check_procs -C compares: it reads a column of ps up to its first blank and drops a path before it.
[[nodiscard]] inline auto plain_name(std::string_view name) -> std::string_view {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    name = trimmed(name, blanks);
    return base_name(name.substr(0, name.find_first_of(blanks)));
}

/// Whether the arguments name the program, another one that begins with the same 15 bytes, or neither.
enum class named : unsigned char { none, another, it };

/// `name` must be longer than 15 bytes. A program is named by argv[0], which may begin with `-` (a login shell) or be
/// rewritten to `name: what it does`; a script by argv[1], or by argv[2] if its first line passes an option to the
/// interpreter.
[[nodiscard]] inline auto named_program(std::string_view arguments, std::string_view name) -> named {
    std::array<std::string_view, 3> words{};
    for (auto& word : words) word = next_part(arguments, '\0');
    if (words[0].starts_with('-')) words[0].remove_prefix(1);
    auto title = words[0].substr(0, words[0].find(' '));
    if (title.ends_with(':')) title.remove_suffix(1);
    if (!words[1].starts_with('-')) words[2] = {};
    auto seen = named::none;
    for (const auto word : {words[0], title, words[1], words[2]}) {
        const auto part = base_name(word);
        if (part == name) return named::it;
        if (part.substr(0, 15) == name.substr(0, 15)) seen = named::another;
    }
    return seen;
}

}  // namespace detail

// --- the probe ---

/// Counts the processes that match, as check_procs does: those that have ended but are not yet reaped count too, but
/// cannot alone make the count right. What takes part in this check or in another one does not count, see
/// find_observers(), nor do kernel threads for a command line. Models `probe`. `Files` may be a reference.
template <directory_source Files>
class process_probe {
public:
    process_probe(process_filter filter, count_range range, Files files, std::string root = "/proc")
        : filter_{std::move(filter)}, range_{range}, files_{std::forward<Files>(files)}, root_{std::move(root)} {}

    [[nodiscard]] auto operator()() -> observed {
        if (auto valid = validate(filter_); !valid) return give_up(valid.error());
        std::optional<pattern> expression;
        if (!filter_.cmdline.empty()) {
            auto compiled = pattern::compile(filter_.cmdline);
            if (!compiled) return give_up(compiled.error());
            expression = std::move(*compiled);
        }
        // If a process starts another one and ends, a look may miss both: in that case "none" takes another look.
        for (int looks = 1;; ++looks) {
            auto table = process_table<Files&>::read(
                files_, root_, [&](auto& of, std::uint32_t pid) { return may_match(of, pid, expression); });
            if (!table) return give_up(table.error());
            const auto seen = count(*table, expression);
            if (!seen) return give_up(seen.error());
            if (seen->alive + seen->ended > 0 || !table->moved() || looks == 3) return judge_count(*seen);
        }
    }

private:
    struct counts {
        std::size_t alive{};
        std::size_t ended{};
        std::size_t starters{};   ///< they match and have started a check: whether they count cannot be told
        std::size_t doubtful{};   ///< may match or not: they do not count, but "none" may not be true
        std::size_t contained{};  ///< they run in a container and do not count
    };

    /// `doubtful`: the 15 bytes that the kernel keeps of the name match, but the arguments, which a process may choose
    /// (`exec -a`) and rewrite, do not confirm the rest.
    enum class matched : unsigned char { no, doubtful, certain };

    [[nodiscard]] static auto give_up(const error& why) -> observed { return {observation::unknown, why.message}; }

    /// False if match() is certain to say no. Reads as little as that takes.
    [[nodiscard]] auto may_match(process_table<Files&>& table, std::uint32_t pid,
                                 const std::optional<pattern>& expression) -> result<bool> {
        if (filter_.user) {
            const auto user = table.user(pid);
            if (!user) return unexpected{user.error()};
            if (*user != filter_.user) return false;
        }
        if (!filter_.name.empty()) {
            return table.name(pid).transform([&](const auto& name) { return !name || may_be_named(*name); });
        }
        if (!expression) return true;
        auto arguments = table.arguments(pid);
        if (!arguments) return unexpected{std::move(arguments).error()};
        if (!*arguments) return true;
        const std::string line = command_line({}, std::move(**arguments));
        // Without arguments the line is only the name in brackets, which is not known yet.
        return line.starts_with('[') ? result{true} : expression->occurs_in(line);
    }

    [[nodiscard]] auto may_be_named(std::string_view name) const -> bool {
        return name == filter_.name || detail::plain_name(name) == filter_.name ||
               (filter_.name.size() > 15 && name == std::string_view{filter_.name}.substr(0, 15));
    }

    /// Stops as soon as further matches could not change the verdict.
    [[nodiscard]] auto count(process_table<Files&>& table, const std::optional<pattern>& expression) -> result<counts> {
        counts seen;
        const auto own = table.own_name();
        if (!own) return unexpected{own.error()};
        const auto observers = find_observers(table, [](const process&, const std::string&) { return result{true}; });
        if (!observers) return unexpected{observers.error()};
        const auto& all = table.processes();
        for (std::size_t i = 0; i < all.size(); ++i) {
            const process& each = all[i];
            if ((*observers)[i] == attendance::certain) continue;
            const auto matches = match(table, each, expression, *own);
            if (!matches) return unexpected{matches.error()};
            if (*matches == matched::no) continue;
            const auto inside = filter_.containers ? result{false} : table.in_container(each);
            if (!inside) return unexpected{inside.error()};
            if (*inside) {
                ++seen.contained;
            } else if ((*observers)[i] == attendance::perhaps) {
                ++seen.starters;
            } else if (*matches == matched::doubtful) {
                ++seen.doubtful;
            } else {
                ++(each.ended ? seen.ended : seen.alive);
            }
            if (range_.max ? seen.alive > *range_.max : seen.alive >= range_.min) break;
        }
        return seen;
    }

    [[nodiscard]] auto match(process_table<Files&>& table, const process& each,
                             const std::optional<pattern>& expression, const std::string& own) -> result<matched> {
        if (each.kernel && expression) return matched::no;
        bool whole = filter_.name.empty() || each.name == filter_.name || detail::plain_name(each.name) == filter_.name;
        if (!whole) {
            if (!may_be_named(each.name)) return matched::no;
            whole = each.ended;  // has no arguments any more
        }
        if (filter_.user) {
            const auto user = table.user(each);
            if (!user) return unexpected{user.error()};
            if (*user != filter_.user) return matched::no;
        }
        auto arguments = table.arguments(each);
        if (!arguments) return unexpected{std::move(arguments).error()};
        if (!*arguments) return matched::no;
        const auto program = whole ? detail::named::it : detail::named_program(**arguments, filter_.name);
        if (program == detail::named::another) return matched::no;
        const auto answer = program == detail::named::it ? matched::certain : matched::doubtful;
        const std::string line = command_line(each, std::move(**arguments));
        if (find_invocations(line, own).check) return matched::no;
        if (!expression) return answer;
        return expression->occurs_in(line).transform([&](bool found) { return found ? answer : matched::no; });
    }

    /// The reason holds no count: the number of processes may change while the verdict does not.
    [[nodiscard]] auto judge_count(counts seen) const -> observed {
        auto without = judge(seen);
        if (seen.starters == 0) return without;
        seen.alive += seen.starters;
        if (judge(seen).state == without.state) return without;
        return {observation::unknown, seen.alive + seen.ended == seen.starters
                                          ? "no process is there but what has started a check, and that does not count"
                                          : "whether what has started a check is one of the processes cannot be told"};
    }

    [[nodiscard]] auto judge(const counts& seen) const -> observed {
        using enum observation;
        const std::size_t all = seen.alive + seen.ended;
        if (all == 0 && seen.doubtful > 0) {
            return {unknown, "no process is there for certain: one has the same first 15 bytes and another title"};
        }
        if (all == 0 && seen.contained > 0) {
            return {stopped, "no process is there but in a container, and those count only with --containers"};
        }
        if (all == 0) return {stopped, "no process is there"};
        if (range_.max && all > *range_.max) {
            return {degraded, "more than " + processes(*range_.max) + " there"};
        }
        if (all < range_.min) return {degraded, "fewer than " + processes(range_.min) + " there"};
        if (seen.alive == 0) return {degraded, "all processes there have ended and nobody collected them"};
        if (seen.alive < range_.min) {
            return {degraded, "fewer than " + processes(range_.min) +
                                  " there, without those that have ended and nobody collected"};
        }
        if (range_.max) {
            if (range_.min == *range_.max) return {running, "exactly " + processes(range_.min) + " there"};
            return {running, std::to_string(range_.min) + " to " + processes(*range_.max) + " there"};
        }
        if (range_.min == 1) return {running, "a process is there"};
        return {running, "at least " + processes(range_.min) + " there"};
    }

    [[nodiscard]] static auto processes(std::size_t number) -> std::string {
        return std::to_string(number) + (number == 1 ? " process is" : " processes are");
    }

    process_filter filter_;
    count_range range_;
    Files files_;
    std::string root_;
};

/// Files that are an lvalue are held by reference.
template <directory_source Files>
process_probe(process_filter, count_range, Files&) -> process_probe<Files&>;
template <directory_source Files>
process_probe(process_filter, count_range, Files&, std::string) -> process_probe<Files&>;

}  // namespace powerconsul::inline v0
