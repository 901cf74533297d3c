#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/heal/action.hpp>
#include <powerconsul/heal/substitution.hpp>
#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0::json {

/// A trigger's value as it was read. `what` may be used only if there are no problems.
struct action_reading {
    std::vector<problem> problems{};  ///< all of them unless one hides another, at most most_problems
    action what{};
};

namespace detail {

/// Decodes the object form of a trigger's value. Unknown members are errors, since triggers may run as root.
class action_decoder {
public:
    action_decoder(const std::vector<substitution>& known, milliseconds default_timeout)
        : known_{&known}, timeout_{default_timeout} {}

    [[nodiscard]] auto decode(const value& root) -> action_reading {
        check_names(root);
        if (const value* const given = root.find("timeout"); given != nullptr) timeout(*given);
        std::string user;
        if (const value* const given = root.find("user"); given != nullptr) user = user_name(*given);
        const value* const words = root.find("command");
        const value* const script = root.find("script");
        if (words != nullptr && script != nullptr) {
            wrong(script->offset, "script", "stands beside command; keep one of the two", script->name_offset);
        } else if (words != nullptr) {
            read_.what = command(*words);
        } else if (script != nullptr) {
            read_.what = scripted(*script);
        } else {
            wrong(root.offset, "the value",
                  R"(has neither command nor script; expected {"command": ["/path", "argument"]})");
        }
        read_.what.user = std::move(user);
        return std::move(read_);
    }

private:
    void wrong(std::size_t offset, const std::string& where, const std::string& what,
               std::optional<std::size_t> spot = std::nullopt) {
        if (read_.problems.size() == most_problems) return;
        const std::size_t at = spot.value_or(offset);
        read_.problems.push_back({where, at, what, at});
    }

    void check_names(const value& root) {
        constexpr std::array<std::string_view, 4> keys{"command", "script", "timeout", "user"};
        const auto repeated = repeated_members(root);
        std::size_t next_repeated = 0;
        for (std::size_t i = 0; i < root.names.size() && read_.problems.size() < most_problems; ++i) {
            const std::string& name = root.names[i];
            const value& at = root.items[i];
            if (next_repeated < repeated.size() && repeated[next_repeated] == i) {
                ++next_repeated;
                wrong(at.offset, one_line(name, 80), "the key comes twice; keep one", at.name_offset);
                continue;
            }
            if (is_one_of(name, keys)) continue;
            const std::string_view meant = nearest(name, keys);
            wrong(at.offset, one_line(name, 80),
                  "this key is not known; " + (meant.empty() ? "there are command, script, timeout and user"
                                                             : "did you mean " + quoted(meant) + '?'),
                  at.name_offset);
        }
    }

    /// The string with its names substituted; nothing, and a problem, if it is none, has a NUL or cannot be
    /// substituted.
    [[nodiscard]] auto literal(const value& at, const std::string& where) -> std::optional<std::string> {
        if (!at.is(kind::string)) {
            wrong(at.offset, where, "expected a text, found " + std::string{described(at.type)});
        } else if (at.text.find('\0') != std::string::npos) {
            wrong(at.offset, where, R"(has a NUL (\u0000); remove it)");
        } else if (auto text = substitute(at.text, *known_, substitution_style::literal); !text) {
            wrong(at.offset, where, text.error().message);
        } else {
            return std::move(*text);
        }
        return std::nullopt;
    }

    void timeout(const value& at) {
        constexpr std::int64_t longest = 3'600'000;
        if (!at.is(kind::string)) {
            return wrong(at.offset, "timeout",
                         R"(expected a text such as "30s", found )" + std::string{described(at.type)});
        }
        const auto read = parse_duration(at.text);
        if (!read) return wrong(at.offset, "timeout", read.error().message);
        if (read->count <= 0 || read->count > longest) {
            return wrong(at.offset, "timeout", quoted(at.text) + " is not between 1ms and 1h");
        }
        timeout_ = *read;
    }

    [[nodiscard]] auto user_name(const value& at) -> std::string {
        auto name = literal(at, "user");
        if (!name) return {};
        if (name->empty()) wrong(at.offset, "user", "is empty; name a user or leave it out");
        if (std::ranges::any_of(*name,
                                [](char c) { return ascii::is_control(c) || c == ' ' || c == ':' || c == '/'; })) {
            wrong(at.offset, "user", quoted(*name) + " is not the name of a user");
        }
        return std::move(*name);
    }

    [[nodiscard]] auto command(const value& list) -> action {
        action made{action_form::command, {}, {}, timeout_, {}};
        if (!list.is(kind::array)) {
            wrong(list.offset, "command",
                  R"(expected a list such as ["/path", "argument"], found )" + std::string{described(list.type)});
            return made;
        }
        if (list.items.empty()) wrong(list.offset, "command", "the list is empty; it begins with a program");
        std::size_t total = 0;
        for (std::size_t i = 0; i < list.items.size(); ++i) {
            const value& each = list.items[i];
            const std::string where = "command[" + std::to_string(i) + ']';
            auto word = literal(each, where);
            if (!word) continue;
            if (i == 0 && !word->starts_with('/')) {
                wrong(each.offset, where, "expected the absolute path of a program, found " + quoted(*word));
            }
            total += word->size() + 1;
            if (word->size() > longest_argument || total > longest_action) {
                wrong(each.offset, where,
                      "is too long: the kernel takes " + std::to_string(longest_argument) +
                          " bytes in one argument, and " + std::to_string(longest_action) +
                          " in all are taken; use a script");
                break;
            }
            made.argv.push_back(std::move(*word));
        }
        return made;
    }

    [[nodiscard]] auto scripted(const value& at) -> action {
        if (!at.is(kind::string)) {
            wrong(at.offset, "script", "expected a text, found " + std::string{described(at.type)});
            return {};
        }
        auto made = script_action(at.text, *known_, timeout_);
        if (made) return std::move(*made);
        wrong(at.offset, "script", made.error().message);
        return {};
    }

    const std::vector<substitution>* known_;
    milliseconds timeout_;
    action_reading read_{};
};

}  // namespace detail

/// Reads a trigger's value, and continues after a problem to find the others.
[[nodiscard]] inline auto read_action(std::string_view value, const std::vector<substitution>& known,
                                      milliseconds default_timeout) -> action_reading {
    const auto whole = [](result<action> made) -> action_reading {
        if (made) return {{}, std::move(*made)};
        return {{{{}, {}, std::move(made).error().message, 0}}, {}};
    };
    if (auto sound = powerconsul::detail::runnable("the value", value); !sound) {
        return whole(unexpected{std::move(sound).error()});
    }
    if (value.starts_with("#!")) return whole(script_action(value, known, default_timeout));
    if (!looks_like_object(value)) return whole(shell_action(value, known, default_timeout));
    problem wrong;
    const auto root = parse(value, wrong, {.depth = 8, .values = 20'000});
    if (!root) {
        wrong.what += R"(; what begins like {"command": ["/path"]} is no text for /bin/sh)";
        return {{std::move(wrong)}, {}};
    }
    return detail::action_decoder{known, default_timeout}.decode(*root);
}

/// What a trigger's value says to run:
/// - `#!…` is a script (script_action);
/// - what looks_like_object() is `{"command": ["/path", "argument", …]}`, whose words are substituted in literal style
///   and then passed as they are, or `{"script": "…"}`, run by /bin/sh if it has no `#!` line; either may have
///   `"timeout"`, a text for parse_duration() from 1 ms to 1 h, and `"user"`, a user's name (substituted too);
/// - anything else is text for /bin/sh (shell_action).
/// Fails with errc::bad_data; for an object, the message names the member and its place.
[[nodiscard]] inline auto decode_action(std::string_view value, const std::vector<substitution>& known,
                                        milliseconds default_timeout) -> result<action> {
    auto read = read_action(value, known, default_timeout);
    if (!read.problems.empty()) return fail(errc::bad_data, sentence(read.problems.front(), value));
    return std::move(read.what);
}

}  // namespace powerconsul::inline v0::json
