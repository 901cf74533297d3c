#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/action.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/settings.hpp>
#include <powerconsul/substitution.hpp>
#include <powerconsul/text.hpp>

namespace powerconsul::inline v0::json {

namespace detail {

/// Decodes the object form of a trigger's value. All of it must be known: it acts as root.
class action_decoder {
public:
    action_decoder(std::string_view text, const std::vector<substitution>& known, milliseconds default_timeout)
        : text_{text}, known_{&known}, timeout_{default_timeout} {}

    [[nodiscard]] auto decode(const value& root) -> result<action> {
        if (auto sound = checked_names(root); !sound) return unexpected{std::move(sound).error()};
        if (const value* const given = root.find("timeout"); given != nullptr) {
            if (auto read = timeout(*given); !read) return unexpected{std::move(read).error()};
        }
        std::string user;
        if (const value* const given = root.find("user"); given != nullptr) {
            auto read = user_name(*given);
            if (!read) return unexpected{std::move(read).error()};
            user = std::move(*read);
        }
        const value* const words = root.find("command");
        const value* const script = root.find("script");
        if (words != nullptr && script != nullptr) {
            return wrong(script->offset, "script", "stands beside command; keep one of the two");
        }
        if (words == nullptr && script == nullptr) {
            return wrong(root.offset, "the value",
                         R"(has neither command nor script; expected {"command": ["/path", "argument"]})");
        }
        auto made = words != nullptr ? command(*words) : scripted(*script);
        if (made) made->user = std::move(user);
        return made;
    }

private:
    [[nodiscard]] auto wrong(std::size_t offset, const std::string& where, const std::string& what) const
        -> unexpected {
        return fail(errc::bad_data, where + " at " + place(text_, offset) + ": " + what);
    }

    [[nodiscard]] auto checked_names(const value& root) const -> result<void> {
        constexpr std::array<std::string_view, 4> keys{"command", "script", "timeout", "user"};
        for (std::size_t i = 0; i < root.names.size(); ++i) {
            const std::string& name = root.names[i];
            const std::size_t offset = root.items[i].offset;
            for (std::size_t k = 0; k < i; ++k) {
                if (root.names[k] == name) return wrong(offset, name, "the key comes twice");
            }
            bool found = false;
            for (const auto key : keys) found = found || key == name;
            if (found) continue;
            const std::string_view meant = nearest(name, keys);
            return wrong(offset, one_line(name, 80),
                         "this key is not known; " + (meant.empty() ? "there are command, script, timeout and user"
                                                                    : "did you mean " + quoted(meant) + '?'));
        }
        return {};
    }

    /// A string without NUL, its names substituted.
    [[nodiscard]] auto literal(const value& at, const std::string& where) const -> result<std::string> {
        if (!at.is(kind::string)) {
            return wrong(at.offset, where, "expected a text, found " + std::string{described(at.type)});
        }
        if (at.text.find('\0') != std::string::npos) return wrong(at.offset, where, R"(has a NUL (\u0000); remove it)");
        auto text = substitute(at.text, *known_, substitution_style::literal);
        if (!text) return wrong(at.offset, where, text.error().message);
        return text;
    }

    [[nodiscard]] auto timeout(const value& at) -> result<void> {
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
        return {};
    }

    [[nodiscard]] auto user_name(const value& at) const -> result<std::string> {
        auto name = literal(at, "user");
        if (!name) return name;
        if (name->empty()) return wrong(at.offset, "user", "is empty; name a user or leave it out");
        for (const char c : *name) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte > 0x20 && byte != 0x7F && c != ':' && c != '/') continue;
            return wrong(at.offset, "user", quoted(*name) + " is not the name of a user");
        }
        return name;
    }

    [[nodiscard]] auto command(const value& list) const -> result<action> {
        if (!list.is(kind::array)) {
            return wrong(
                list.offset, "command",
                R"(expected a list such as ["/path", "argument"], found )" + std::string{described(list.type)});
        }
        if (list.items.empty()) return wrong(list.offset, "command", "the list is empty; it begins with a program");
        action made{action_form::command, {}, {}, timeout_, {}};
        std::size_t total = 0;
        for (std::size_t i = 0; i < list.items.size(); ++i) {
            const value& each = list.items[i];
            const std::string where = "command[" + std::to_string(i) + ']';
            auto word = literal(each, where);
            if (!word) return unexpected{std::move(word).error()};
            if (i == 0 && !word->starts_with('/')) {
                return wrong(each.offset, where, "expected the absolute path of a program, found " + quoted(*word));
            }
            total += word->size() + 1;
            if (word->size() > longest_argument || total > longest_action) {
                return wrong(each.offset, where,
                             "is too long: the kernel takes " + std::to_string(longest_argument) +
                                 " bytes in one argument, and " + std::to_string(longest_action) +
                                 " in all are taken; use a script");
            }
            made.argv.push_back(std::move(*word));
        }
        return made;
    }

    [[nodiscard]] auto scripted(const value& at) const -> result<action> {
        if (!at.is(kind::string)) {
            return wrong(at.offset, "script", "expected a text, found " + std::string{described(at.type)});
        }
        auto made = script_action(at.text, *known_, timeout_);
        if (!made) return wrong(at.offset, "script", made.error().message);
        return made;
    }

    std::string_view text_;
    const std::vector<substitution>* known_;
    milliseconds timeout_;
};

}  // namespace detail

/// What a trigger's value says to run:
/// - `#!…` is a script (script_action);
/// - what looks_like_object() is `{"command": ["/path", "argument", …]}`, whose words are passed as they are after
///   substitution in literal style, or `{"script": "…"}`, by /bin/sh if it has no first line `#!…`; with either
///   `"timeout"`, a text for parse_duration of at most an hour, and `"user"`, a name (substituted too);
/// - all else is text for /bin/sh (shell_action).
/// Fails with errc::bad_data, for the object with the member and its place.
[[nodiscard]] inline auto decode_action(std::string_view value, const std::vector<substitution>& known,
                                        milliseconds default_timeout) -> result<action> {
    if (auto sound = powerconsul::detail::runnable("the value", value); !sound) {
        return unexpected{std::move(sound).error()};
    }
    if (value.starts_with("#!")) return script_action(value, known, default_timeout);
    if (!looks_like_object(value)) return shell_action(value, known, default_timeout);
    const auto root = parse(value, {.depth = 8, .values = 20'000});
    if (!root) {
        return fail(errc::bad_data,
                    root.error().message + R"(; what begins like {"command": ["/path"]} is no text for /bin/sh)");
    }
    return detail::action_decoder{value, known, default_timeout}.decode(*root);
}

}  // namespace powerconsul::inline v0::json
