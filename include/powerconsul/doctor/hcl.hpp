#pragma once

#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0 {

namespace detail {

class hcl_reader {
public:
    explicit hcl_reader(std::string_view text) : text_{text} {}

    [[nodiscard]] auto document() -> result<json::value> {
        json::value root{.type = json::kind::object};
        if (auto read = members(root, 0); !read) return unexpected{read.error()};
        return root;
    }

private:
    static constexpr std::size_t deepest = 64;

    [[nodiscard]] auto wrong(std::string_view expected) const -> unexpected {
        return fail(errc::bad_data,
                    "line " + std::to_string(position_of(text_, at_).line) + ": expected " + std::string{expected});
    }

    [[nodiscard]] auto more() const -> bool { return at_ < text_.size(); }
    [[nodiscard]] auto next_is(std::string_view word) const -> bool { return text_.substr(at_).starts_with(word); }

    /// Skips blanks, commas and comments.
    void skip() {
        while (more()) {
            const char c = text_[at_];
            if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',') {
                ++at_;
            } else if (c == '#' || next_is("//")) {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (next_is("/*")) {
                const auto end = text_.find("*/", at_ + 2);
                at_ = end == std::string_view::npos ? text_.size() : end + 2;
            } else {
                return;
            }
        }
    }

    [[nodiscard]] static auto in_name(char c) -> bool {
        return ascii::is_alphanumeric(c) || c == '_' || c == '-' || c == '.';
    }

    [[nodiscard]] auto word() -> std::string {
        const std::size_t start = at_;
        while (more() && in_name(text_[at_])) ++at_;
        return std::string{text_.substr(start, at_ - start)};
    }

    [[nodiscard]] auto string() -> result<std::string> {
        std::string found;
        for (++at_; more() && text_[at_] != '"'; ++at_) {
            if (text_[at_] == '\n') return wrong("the end of a string");
            if (text_[at_] != '\\') {
                found += text_[at_];
                continue;
            }
            if (++at_ == text_.size()) break;
            const char c = text_[at_];
            if (c == 'u' || c == 'U' || c == 'x') return wrong("a string without \\u and \\x");
            found += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        if (!more()) return wrong("the end of a string");
        ++at_;
        return found;
    }

    /// Reads `<<END … END`, or `<<-END` with an indented end.
    [[nodiscard]] auto heredoc() -> result<std::string> {
        at_ += 2;
        if (more() && text_[at_] == '-') ++at_;
        const std::string mark = word();
        at_ = std::min(text_.find('\n', at_), text_.size());
        std::string found;
        while (more()) {
            const std::size_t start = ++at_;
            at_ = std::min(text_.find('\n', at_), text_.size());
            std::string_view line = text_.substr(start, at_ - start);
            if (line.ends_with('\r')) line.remove_suffix(1);
            const auto first = line.find_first_not_of(" \t");
            if (first != std::string_view::npos && line.substr(first) == mark) return found;
            found += std::string{line} + '\n';
        }
        return wrong("the end of <<" + mark);
    }

    [[nodiscard]] auto any(std::size_t depth) -> result<json::value> {
        if (depth > deepest) return wrong("less nesting");
        json::value made{.type = json::kind::string};
        if (!more()) return wrong("a value");
        const char c = text_[at_];
        if (c == '{') {
            ++at_;
            made.type = json::kind::object;
            if (auto read = members(made, depth + 1); !read) return unexpected{read.error()};
            return made;
        }
        if (c == '[') {
            made.type = json::kind::array;
            ++at_;
            for (skip(); more() && text_[at_] != ']'; skip()) {
                auto item = any(depth + 1);
                if (!item) return item;
                made.items.push_back(std::move(*item));
            }
            if (!more()) return wrong("]");
            ++at_;
            return made;
        }
        if (c == '"' || next_is("<<")) {
            auto text = c == '"' ? string() : heredoc();
            if (!text) return unexpected{text.error()};
            made.text = std::move(*text);
            return made;
        }
        if (!in_name(c)) return wrong("a value");
        made.text = word();
        made.type = json::kind::number;
        if (made.text == "true" || made.text == "false") {
            made.type = json::kind::boolean;
            made.boolean = made.text == "true";
            made.text.clear();
        }
        return made;
    }

    static void add(json::value& to, std::string name, json::value item) {
        const auto known = algo::find(to.names, name);
        if (known == to.names.end()) {
            to.names.push_back(std::move(name));
            to.items.push_back(std::move(item));
            return;
        }
        json::value& before = to.items[static_cast<std::size_t>(known - to.names.begin())];
        if (!before.is(json::kind::array)) {
            json::value list{.type = json::kind::array};
            list.items.push_back(std::move(before));
            before = std::move(list);
        }
        if (item.is(json::kind::array)) {
            std::ranges::move(item.items, std::back_inserter(before.items));
        } else {
            before.items.push_back(std::move(item));
        }
    }

    /// Reads members up to the closing brace or, at the outermost level, up to the end of the text.
    [[nodiscard]] auto members(json::value& to, std::size_t depth) -> result<void> {
        for (skip(); more(); skip()) {
            if (text_[at_] == '}') {
                if (depth == 0) return wrong("no } here");
                ++at_;
                return {};
            }
            std::vector<std::string> names;
            for (skip(); more() && (text_[at_] == '"' || in_name(text_[at_])); skip()) {
                auto name = text_[at_] == '"' ? string() : result<std::string>{word()};
                if (!name) return unexpected{name.error()};
                names.push_back(std::move(*name));
            }
            if (names.empty() || !more()) return wrong("a name and a value");
            if (text_[at_] == '=' || text_[at_] == ':') {
                if (names.size() != 1) return wrong("one name before =");
                ++at_;
                skip();
            } else if (text_[at_] != '{') {
                return wrong("= or {");
            }
            auto item = any(depth + names.size() - 1);
            if (!item) return unexpected{item.error()};
            while (names.size() > 1) {  // `a "b" { … }` is a = { b = { … } }
                json::value outer{.type = json::kind::object};
                add(outer, std::move(names.back()), std::move(*item));
                names.pop_back();
                *item = std::move(outer);
            }
            add(to, std::move(names.front()), std::move(*item));
        }
        if (depth != 0) return wrong("}");
        return {};
    }

    std::string_view text_;
    std::size_t at_{0};
};

}  // namespace detail

/// Reads a Consul configuration in HCL 1 as if it were JSON: `a = 1`, `b { … }`, `c "label" { … }`, lists, objects,
/// heredocs and comments. A name that comes twice becomes a list of its values. Fails with errc::bad_data.
[[nodiscard]] inline auto parse_hcl(std::string_view text) -> result<json::value> {
    return detail::hcl_reader{text}.document();
}

}  // namespace powerconsul::inline v0
