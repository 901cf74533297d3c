#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <regex.h>

#include <powerconsul/result.hpp>
#include <powerconsul/text.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// How many pieces an expression becomes once its repetitions are written out, as the C library does before it matches:
/// `+` doubles what it repeats, so twenty of them in one another would take all memory. What repeats without end counts
/// for more than its pieces: `(a?){900,}` takes 15 s.
class expansion {
public:
    static constexpr std::size_t largest = 1000;

    void piece() { sum_ += last_ = 1; }
    void open() {
        outer_.push_back(sum_);
        sum_ = last_ = 0;
    }
    void close() {
        last_ = sum_ == 0 ? 1 : sum_;
        if (outer_.empty()) return;
        sum_ = outer_.back() + last_;
        outer_.pop_back();
    }
    void repeat(std::size_t times) {
        sum_ += last_ * (times - 1);
        last_ *= times;
    }
    [[nodiscard]] auto too_large() const -> bool { return sum_ > largest; }

private:
    std::vector<std::size_t> outer_{};  ///< what stands before each open group
    std::size_t sum_{};
    std::size_t last_{};
};

/// The factor of `{n}`, `{n,m}` or `{n,}` that starts at `at`; what is no number is left to regcomp.
[[nodiscard]] inline auto repetitions(std::string_view expression, std::size_t at) -> std::size_t {
    std::size_t most = 0;
    std::size_t least = 0;
    bool comma = false;
    for (std::size_t k = at + 1; k < expression.size() && expression[k] != '}'; ++k) {
        const char c = expression[k];
        if (c == ',') {
            least = most;
            most = 0;
            comma = true;
        } else if (c >= '0' && c <= '9' && most <= expansion::largest) {
            most = most * 10 + static_cast<std::size_t>(c - '0');
        }
    }
    if (comma && most == 0) most = 4 * (least + 1);  // without an upper end: matching costs far more than memory
    return most == 0 ? 1 : most;
}

/// Translates what Python's `re` allows and POSIX does not into POSIX, and refuses what would mean something else or
/// could take without end: documents written for the original must never match differently in silence.
[[nodiscard]] inline auto posix_expression(std::string_view expression) -> result<std::string> {
    const auto refused = [&](std::size_t at, std::string_view why) {
        return fail(errc::bad_data, "the expression " + quoted(expression) + " is refused at byte " +
                                        std::to_string(at) + ": " + std::string{why});
    };
    if (expression.empty()) return refused(0, "it is empty");
    if (expression.size() > 512) return refused(512, "it is longer than 512 bytes");
    std::string posix;
    expansion size;
    bool bracket = false;
    bool braces = false;
    bool repeated = false;  // what stands before is a repetition already
    std::size_t bracket_start = 0;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        const char next = i + 1 < expression.size() ? expression[i + 1] : '\0';
        const bool repeats_again = repeated && !bracket && std::string_view{"*+?{"}.find(c) != std::string_view::npos;
        if (c == '\0') return refused(i, "a NUL byte");
        // Python's lazy `a+?` needs an a, POSIX takes it as `(a+)?`.
        if (repeats_again) return refused(i, "a second repetition means something else in POSIX; group the first");
        repeated = !bracket && std::string_view{"*+?}"}.find(c) != std::string_view::npos;
        if (bracket) {
            if (c == '\\') {
                return refused(i, "a backslash inside [...] has no special meaning in POSIX; list the characters");
            }
            if (c == ']' && i > bracket_start) bracket = false;
        } else if (c == '[') {
            bracket = true;
            size.piece();
            bracket_start = i + (next == '^' ? 2 : 1);
        } else if (c == '(' && next == '?') {
            return refused(i, "(?...) is not POSIX; use a plain group");
        } else if (c == '(') {
            size.open();
        } else if (c == ')') {
            size.close();
        } else if (c == '+') {
            size.repeat(3);
            if (size.too_large()) return refused(i, "it repeats more than 1000 times");
        } else if (c == '{') {
            const std::size_t times = repetitions(expression, i);
            braces = true;
            if (times <= expansion::largest) size.repeat(times);
            if (times > expansion::largest || size.too_large()) return refused(i, "it repeats more than 1000 times");
        } else if (c == '\\') {
            size.piece();
            if (next >= '1' && next <= '9') return refused(i, "back-references are not taken");
            if (next == 'd' || next == 'D') {
                posix += next == 'd' ? "[0-9]" : "[^0-9]";
                ++i;
                continue;
            }
            // glibc knows these as Python does. Of the others it takes `\A` for an A and `\<` for the start of a word.
            const bool same = std::string_view{"wWsSbB"}.find(next) != std::string_view::npos;
            const bool letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '0';
            if (!same && (letter || std::string_view{"<>`'"}.find(next) != std::string_view::npos)) {
                return refused(i, "this escape means something else in POSIX; write the character itself or [...]");
            }
            if (next != '\0') {
                posix += c;
                posix += next;
                ++i;
                continue;
            }
        } else if (braces) {
            braces = c != '}';
        } else if (c != '*' && c != '?') {
            size.piece();
        }
        posix += c;
    }
    return posix;
}

}  // namespace detail

/// Does the POSIX extended expression match at the start of `text`? It need not reach to the end: that is what `$` is
/// for. Fails with errc::bad_data when the expression is not valid.
[[nodiscard]] inline auto matches_at_start(std::string_view expression, std::string_view text) -> result<bool> {
    auto posix = detail::posix_expression(expression);
    if (!posix) return unexpected{std::move(posix).error()};
    regex_t compiled;
    if (const int failure = regcomp(&compiled, posix->c_str(), REG_EXTENDED); failure != 0) {
        char why[128];
        regerror(failure, &compiled, why, sizeof why);
        return fail(errc::bad_data, "the expression " + quoted(expression) +
                                        " is not a valid POSIX extended regular expression: " + why);
    }
    regmatch_t found[1];
    const int outcome = regexec(&compiled, std::string{text}.c_str(), 1, found, 0);
    regfree(&compiled);
    if (outcome != 0 && outcome != REG_NOMATCH) {
        return fail(errc::bad_data, "the expression " + quoted(expression) + " needs too much memory to be matched");
    }
    // POSIX finds the leftmost match, so a match at the start is never hidden by a later one.
    return outcome == 0 && found[0].rm_so == 0;
}

}  // namespace powerconsul::inline v0
