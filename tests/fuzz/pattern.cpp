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
    // With the NUL that the sanitizer's own regexec wants behind it, REG_STARTEND or not.
    const std::string text{script.rest()};
    const auto compiled = pattern::compile(expression);
    if (!compiled) {
        const auto& why = compiled.error();
        fuzz::expect(why.code == errc::bad_data && fuzz::is_one_line(why.message) && is_utf8(why.message), "no reason",
                     why.message);
        fuzz::expect(!matches_at_start(expression, text), "matches, and cannot be compiled", expression);
        return;
    }
    const auto found = compiled->search(text);
    const auto start = compiled->match_start(text);
    const auto within = compiled->occurs_in(text);
    for (const auto* each : {&found, &start}) {
        if (!*each || !**each) continue;
        const auto& at = **each;
        fuzz::expect(at->first <= at->last && at->last <= text.size(), "beyond its text", expression, text);
    }
    if (start && *start) fuzz::expect((*start)->first == 0, "not at the start", expression, text);
    if (found && within) {
        fuzz::expect(found->has_value() == *within, "found, and does not occur", expression, text);
    }
    if (found && start) {
        fuzz::expect(!*start || *found, "matches at the start, and nowhere", expression, text);
        if (*start && *found) {
            fuzz::expect((*found)->first == 0 && (*found)->last == (*start)->last, "not the same match", expression,
                         text);
        }
        if (*found && (*found)->first == 0) fuzz::expect(start->has_value(), "not at its start", expression, text);
    }
    const auto at_start = matches_at_start(expression, text);
    fuzz::expect(at_start.has_value() == start.has_value() && (!start || *at_start == start->has_value()),
                 "another answer", expression, text);
}

const fuzz::enlisted here{"pattern", run};

}  // namespace
