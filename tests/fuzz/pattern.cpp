// covers: core/pattern.hpp
#include <powerconsul/core/pattern.hpp>

#include <string>
#include <string_view>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

/// An expression, and a text. That it takes long is what libFuzzer, or the test's own alarm, says.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    const std::string_view expression = script.next();
    const std::string_view text = script.rest();
    const auto compiled = pattern::compile(expression);
    if (!compiled) {
        const auto& why = compiled.error();
        fuzz::expect(why.code == errc::bad_data && fuzz::is_one_line(why.message) && is_utf8(why.message), "no reason",
                     why.message);
        fuzz::expect(!matches_at_start(expression, text), "matches, and cannot be compiled", expression);
        return;
    }
    const auto start = compiled->match_start(text);
    const auto within = compiled->occurs_in(text);
    if (start && *start) fuzz::expect(**start <= text.size(), "beyond its text", expression, text);
    if (start && within) fuzz::expect(!*start || *within, "matches at the start, and nowhere", expression, text);
    const auto at_start = matches_at_start(expression, text);
    fuzz::expect(at_start.has_value() == start.has_value() && (!start || *at_start == start->has_value()),
                 "another answer", expression, text);
    // A group around it changes nothing, unless it is too long or too deep for that.
    const auto grouped = pattern::compile("(?:" + std::string{expression} + ')');
    if (!grouped || !start) return;
    const auto again = grouped->match_start(text);
    fuzz::expect(!again || *again == *start, "another match in a group", expression, text);
}

const fuzz::enlisted here{"pattern", run};

}  // namespace
