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
    job what{};                       ///< without the grace and the environment that every trigger has
};

namespace detail {

/// Decodes the object form of a trigger's value. Unknown members are errors, since triggers may run as root.
class action_decoder {
public:
    action_decoder(const std::vector<substitution>& known, milliseconds default_timeout)
        : known_{&known}, read_{{}, {.timeout = default_timeout}} {}

    [[nodiscard]] auto decode(const value& root) -> action_reading {
        check_names(root);
        if (const value* const given = root.find("timeout")) timeout(*given);
        if (const value* const given = root.find("user")) user_name(*given);
        const value* const words = root.find("command");
        const value* const script = root.find("script");
        if (words != nullptr && script != nullptr) {
            wrong(script->name_offset, "script", "stands beside command; keep one of the two");
        } else if (words != nullptr) {
            command(*words);
        } else if (script != nullptr) {
            scripted(*script);
        } else {
            wrong(root.offset, "the value",
                  R"(has neither command nor script; expected {"command": ["/path", "argument"]})");
        }
        return std::move(read_);
    }

private:
    void wrong(std::size_t offset, const std::string& where, const std::string& what) {
        if (read_.problems.size() < most_problems) read_.problems.push_back({where, offset, what});
    }

    void check_names(const value& root) {
        constexpr std::array<std::string_view, 4> keys{"command", "script", "timeout", "user"};
        const auto repeated = repeated_members(root);
        for (std::size_t i = 0; i < root.names.size() && read_.problems.size() < most_problems; ++i) {
            const std::string& name = root.names[i];
            const bool again = std::ranges::binary_search(repeated, i);
            if (!again && is_one_of(name, keys)) continue;
            const std::string_view meant = nearest(name, keys);
            wrong(root.items[i].name_offset, one_line(name, 80),
                  again ? "the key comes twice; keep one"
                        : "this key is not known; " + (meant.empty() ? "there are command, script, timeout and user"
                                                                     : "did you mean " + quoted(meant) + '?'));
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
        if (!at.is(kind::string)) {
            return wrong(at.offset, "timeout",
                         R"(expected a text such as "30s", found )" + std::string{described(at.type)});
        }
        const auto read = parse_duration(at.text);
        if (!read) return wrong(at.offset, "timeout", read.error().message);
        if (read->count <= 0 || *read > seconds(3600)) {
            return wrong(at.offset, "timeout", quoted(at.text) + " is not between 1ms and 1h");
        }
        read_.what.timeout = *read;
    }

    void user_name(const value& at) {
        const auto name = literal(at, "user");
        if (!name) return;
        if (name->empty()) wrong(at.offset, "user", "is empty; name a user or leave it out");
        if (std::ranges::any_of(*name,
                                [](char c) { return ascii::is_control(c) || c == ' ' || c == ':' || c == '/'; })) {
            wrong(at.offset, "user", quoted(*name) + " is not the name of a user");
        }
        read_.what.user = *name;
    }

    void command(const value& list) {
        if (!list.is(kind::array)) {
            return wrong(
                list.offset, "command",
                R"(expected a list such as ["/path", "argument"], found )" + std::string{described(list.type)});
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
                return wrong(each.offset, where,
                             "is too long: the kernel takes " + std::to_string(longest_argument) +
                                 " bytes in one argument, and " + std::to_string(longest_action) +
                                 " in all are taken; use a script");
            }
            read_.what.argv.push_back(std::move(*word));
        }
    }

    void scripted(const value& at) {
        if (!at.is(kind::string)) {
            return wrong(at.offset, "script", "expected a text, found " + std::string{described(at.type)});
        }
        auto made = script_action(at.text, *known_, read_.what.timeout);
        if (!made) return wrong(at.offset, "script", made.error().message);
        read_.what.argv = std::move(made->argv);
        read_.what.script = std::move(made->script);
    }

    const std::vector<substitution>* known_;
    action_reading read_{};
};

}  // namespace detail

/// Reads a trigger's value, and continues after a problem to find the others.
[[nodiscard]] inline auto read_action(std::string_view value, const std::vector<substitution>& known,
                                      milliseconds default_timeout) -> action_reading {
    const auto whole = [](result<job> made) -> action_reading {
        if (made) return {{}, std::move(*made)};
        return {{{{}, {}, std::move(made).error().message}}, {}};
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
                                        milliseconds default_timeout) -> result<job> {
    auto read = read_action(value, known, default_timeout);
    if (!read.problems.empty()) return fail(errc::bad_data, sentence(read.problems.front(), value));
    return std::move(read.what);
}

}  // namespace powerconsul::inline v0::json
