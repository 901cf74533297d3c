#pragma once

#include <powerconsul/json/writer.hpp>

namespace powerconsul::inline v0::json {

/// A value and where it comes from.
struct sourced {
    std::string value{};
    std::string source{};
};

/// What a command prints: rows of text for people, and one JSON object for programs. Both are filled in one pass, so
/// that what is told to both stands in the code once: fact() writes a row and a member, row() a row alone, and member()
/// and `object` what only programs get. Limits are in bytes.
class page {
public:
    page() { object.open_object(); }

    /// `name  value   [source]`, on one line. The name is indented if the row belongs to the one above.
    void row(std::string_view name, std::string_view value, std::string_view source = {}) {
        std::string text = one_line(value, 3000);
        if (!source.empty()) text += "   [" + one_line(source, 500) + ']';
        rows_.emplace_back(name, std::move(text));
    }

    /// A member of `object`, on one line.
    void member(std::string_view key, std::string_view value, std::size_t longest = 1000) {
        object.key(key).string(one_line(value, longest));
    }
    void fact(std::string_view name, std::string_view key, std::string_view value, std::size_t longest = 1000) {
        row(name, value);
        member(key, value, longest);
    }
    /// An object of value and source. In the text an empty value is `-`.
    void fact(std::string_view name, std::string_view key, const sourced& said) {
        row(name, said.value.empty() ? "-" : said.value, said.source);
        object.key(key).open_object();
        member("value", said.value);
        member("from", said.source);
        object.close_object();
    }

    /// A member of `object`: the list of `string_of(each)`.
    template <typename Range, typename StringOf>
    void strings(std::string_view key, const Range& all, StringOf string_of) {
        object.key(key).open_array();
        for (const auto& each : all) object.string(string_of(each));
        object.close_array();
    }
    /// A member of `object`: a list of objects, whose members `write(each)` writes.
    template <typename Range, typename Write>
    void objects(std::string_view key, const Range& all, Write write) {
        object.key(key).open_array();
        for (const auto& each : all) {
            object.open_object();
            write(each);
            object.close_object();
        }
        object.close_array();
    }

    /// The rows, their values in one column.
    [[nodiscard]] auto text() const -> std::string {
        std::size_t widest = 0;
        for (const auto& [name, value] : rows_) widest = std::max(widest, name.size());
        std::string text;
        for (const auto& [name, value] : rows_) {
            text += name + std::string(widest + 2 - name.size(), ' ') + value + '\n';
        }
        return text;
    }
    /// The object, once it is complete.
    [[nodiscard]] auto json() && -> std::string { return object.close_object().text(); }

    writer object{};

private:
    std::vector<std::pair<std::string, std::string>> rows_{};
};

}  // namespace powerconsul::inline v0::json
