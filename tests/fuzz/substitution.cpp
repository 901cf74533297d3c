// covers: heal/substitution.hpp
#include <powerconsul/heal/substitution.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/shell_words.hpp>

#include "fuzz.hpp"
#include "shell.hpp"

using namespace powerconsul;

namespace {

[[nodiscard]] auto is_word(char c) -> bool {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The same in other words, byte by byte. `used` becomes the names that the text uses.
[[nodiscard]] auto written_out(std::string_view text, const std::vector<substitution>& known,
                               std::vector<const substitution*>& used) -> std::string {
    std::string made;
    for (std::size_t i = 0; i < text.size();) {
        const substitution* best = nullptr;
        std::size_t taken = 0;
        for (const auto& each : known) {
            const bool braced = text.substr(i).starts_with("@{");
            const std::string wanted = braced ? "@{" + each.name + '}' : '@' + each.name;
            if (each.name.empty() || !text.substr(i).starts_with(wanted)) continue;
            const std::size_t end = i + wanted.size();
            if (!braced && end < text.size() && is_word(text[end])) continue;
            if (wanted.size() > taken) best = &each, taken = wanted.size();
        }
        if (best != nullptr) used.push_back(best);
        made += best != nullptr ? best->value : std::string{text[i]};
        i += best != nullptr ? taken : 1;
    }
    return made;
}

void compare(std::string_view text, const std::vector<substitution>& known, substitution_style style) {
    const auto made = substitute(text, known, style);
    std::vector<const substitution*> used;
    const std::string expected = written_out(text, known, used);
    bool sound = expected.size() <= longest_substituted;
    for (const auto* each : used) {
        if (style == substitution_style::literal) {
            sound = sound && each->value.find('\0') == std::string::npos;
            continue;
        }
        sound = sound && !each->value.empty();
        for (const char c : each->value)
            sound =
                sound && (is_word(c) || (c != '\0' && std::string_view{".:@%+,/=-"}.find(c) != std::string_view::npos));
    }
    fuzz::expect(made.has_value() == sound, "taken, and not sound, or the other way round", text,
                 made ? *made : made.error().message);
    if (made) {
        fuzz::expect(*made == expected, "something else was put in", *made, expected);
    } else {
        fuzz::expect(made.error().code == errc::bad_data && fuzz::is_one_line(made.error().message), "no reason",
                     made.error().message);
    }
}

/// The words stay as many, and each is what it was, with the values in their places.
void keep_words(const std::string& text, std::vector<substitution> known) {
    const auto made = substitute(text, known, substitution_style::shell);
    if (!made) return;
    const std::vector<substitution> values = known;
    for (std::size_t i = 0; i < known.size(); ++i) known[i].value = static_cast<char>(1 + i);
    const auto marked = substitute(text, known, substitution_style::literal);
    fuzz::expect(marked.has_value(), "not taken with marks", text);
    const auto before = split_words(*marked);
    const auto after = split_words(*made);
    const bool too_long = made->size() > longest_word_text;
    fuzz::expect(before.has_value() == after.has_value() || too_long, "a value opens or closes a quote", *made);
    if (!before || !after) return;
    fuzz::expect(before->size() == after->size(), "another number of words", *made, text);
    for (std::size_t i = 0; i < before->size(); ++i) {
        std::string filled;
        for (const char c : (*before)[i]) {
            const auto number = static_cast<std::size_t>(static_cast<unsigned char>(c));
            filled += number >= 1 && number <= values.size() ? values[number - 1].value : std::string{c};
        }
        fuzz::expect(filled == (*after)[i], "the value is not seen as it is", (*after)[i], filled);
    }
    if (fuzz::this_one()) {
        const auto seen = fuzz::words_of_shell(*made);
        fuzz::expect(seen == *after, "a shell sees something else", *made, seen.empty() ? "nothing" : seen.front());
    }
}

/// Three names with their values, and the text.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    std::vector<substitution> known;
    for (int i = 0; i < 3; ++i) {
        std::string name{script.next()};
        known.push_back({std::move(name), std::string{script.next()}});
    }
    const std::string_view text = script.rest();
    compare(text, known, substitution_style::literal);
    compare(text, known, substitution_style::shell);
    for (auto& each : known) {
        each.name = fuzz::harmless(each.name);
        // A quote or a blank of the text that belongs to a name goes away with it.
        for (char& c : each.name) c = std::string_view{" \t\n\\'\""}.find(c) == std::string_view::npos ? c : '_';
    }
    keep_words(fuzz::one_command(fuzz::harmless(text)), known);
}

const fuzz::enlisted here{"substitution", run};

}  // namespace
