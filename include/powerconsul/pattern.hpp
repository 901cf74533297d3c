#pragma once

#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

/// What lets the C library's compilation explode where anchors are: `(\b|a)*` twelve times takes 33 s, and each
/// repetition of a group that has repetitions in it doubles the time, up to `^` and `(a*b*)*` 32 times, which does not
/// end.
class anchors {
public:
    static constexpr std::size_t most_word_borders = 8;
    static constexpr std::size_t deepest = 16;      ///< groups within one another
    static constexpr std::size_t most_nested = 8;   ///< repetitions of groups with repetitions, beside an anchor
    static constexpr std::size_t most_beside = 16;  ///< anchors beside one of those

    void seen() {
        ++count_;
        last_ = {.anchor = true};
        if (!open_.empty()) open_.back().anchor = true;
    }
    void word_border() {
        ++word_borders_;
        seen();
    }
    void open() { open_.push_back({}); }
    void close() {
        last_ = open_.empty() ? group{} : open_.back();
        if (open_.empty()) return;
        open_.pop_back();
        if (open_.empty()) return;
        open_.back().anchor = open_.back().anchor || last_.anchor;
        open_.back().repeats = open_.back().repeats || last_.repeats;
    }
    void repeat() {
        nested_ += last_.repeats ? 1 : 0;
        if (!open_.empty()) open_.back().repeats = true;
    }
    void other() { last_ = {}; }
    /// Whether what stands last, a piece or a group, is or holds an anchor.
    [[nodiscard]] auto last() const -> bool { return last_.anchor; }
    [[nodiscard]] auto too_deep() const -> bool { return open_.size() > deepest; }
    [[nodiscard]] auto too_many() const -> bool { return word_borders_ > most_word_borders; }
    [[nodiscard]] auto too_nested() const -> bool {
        return (count_ > 0 && nested_ > most_nested) || (nested_ > 0 && count_ > most_beside);
    }

private:
    struct group {
        bool anchor{};
        bool repeats{};
    };

    std::vector<group> open_{};
    group last_{};
    std::size_t count_{};
    std::size_t word_borders_{};
    std::size_t nested_{};
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
    anchors borders;
    bool bracket = false;
    bool braces = false;
    bool repeated = false;   // what stands before is a repetition already
    std::size_t groups = 0;  // that are open
    std::size_t bracket_start = 0;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        const char next = i + 1 < expression.size() ? expression[i + 1] : '\0';
        const bool repeats_again = repeated && std::string_view{"*+?{"}.find(c) != std::string_view::npos;
        if (c == '\0') return refused(i, "a NUL byte");
        // Python's lazy `a+?` needs an a, POSIX takes it as `(a+)?`.
        if (repeats_again) return refused(i, "a second repetition means something else in POSIX; group the first");
        repeated = !bracket && std::string_view{"*+?}"}.find(c) != std::string_view::npos;
        if (!bracket && borders.last() && std::string_view{"*+{"}.find(c) != std::string_view::npos) {
            return refused(i, "an anchor (^ $ \\b \\B) inside what is repeated; take it out");
        }
        if (!bracket && std::string_view{"*+?{"}.find(c) != std::string_view::npos) borders.repeat();
        if (bracket) {
            if (c == '\\') {
                return refused(i, "a backslash inside [...] has no special meaning in POSIX; list the characters");
            }
            if (c == ']' && i > bracket_start) bracket = false;
        } else if (c == '[') {
            bracket = true;
            size.piece();
            borders.other();
            bracket_start = i + (next == '^' ? 2 : 1);
        } else if (c == '(' && next == '?') {
            return refused(i, "(?...) is not POSIX; use a plain group");
        } else if (c == '(') {
            ++groups;
            size.open();
            borders.open();
            if (borders.too_deep()) return refused(i, "more than 16 groups within one another");
        } else if (c == ')') {
            // The C library would take it for itself, and within a group of ours for the end of that.
            if (groups-- == 0) return refused(i, "a ) without its (; write \\) for a plain one");
            size.close();
            borders.close();
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
            borders.other();
            if (next == 'b' || next == 'B') borders.word_border();
            if (borders.too_many()) return refused(i, "more than 8 of \\b and \\B");
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
        } else if (c == '^' || c == '$') {
            size.piece();
            borders.seen();
        } else if (c != '*' && c != '?') {
            size.piece();
            borders.other();
        }
        posix += c;
    }
    if (borders.too_nested()) {
        return refused(expression.size(), "anchors beside many repetitions of what has repetitions; write it plainer");
    }
    return posix;
}

}  // namespace detail

/// Where a match lies in its text: bytes from `first` up to, but without, `last`.
struct extent {
    std::size_t first{};
    std::size_t last{};

    friend constexpr auto operator==(const extent&, const extent&) -> bool = default;
};

namespace detail {

/// Owns one compiled expression. What regcomp leaves in a regex_t are pointers and numbers, so moving it is sound.
class compiled_regex {
public:
    compiled_regex() = default;
    compiled_regex(compiled_regex&& other) noexcept
        : regex_{other.regex_}, owned_{std::exchange(other.owned_, false)} {}
    auto operator=(compiled_regex&& other) noexcept -> compiled_regex& {
        std::swap(regex_, other.regex_);
        std::swap(owned_, other.owned_);
        return *this;
    }
    compiled_regex(const compiled_regex&) = delete;
    auto operator=(const compiled_regex&) -> compiled_regex& = delete;
    ~compiled_regex() {
        if (owned_) regfree(&regex_);
    }

    /// Empty, or the C library's reason why not. Once only.
    [[nodiscard]] auto compile(const std::string& posix) -> std::string {
        const int failure = regcomp(&regex_, posix.c_str(), REG_EXTENDED);
        owned_ = failure == 0;
        if (owned_) return {};
        if (failure == REG_ESPACE) throw std::bad_alloc{};  // says nothing about the expression
        char why[128];
        regerror(failure, &regex_, why, sizeof why);
        return why;
    }

    /// 0, REG_NOMATCH or a failure; the leftmost match, of those there the longest.
    [[nodiscard]] auto search(std::string_view text, regmatch_t& found) const -> int {
#ifdef REG_STARTEND  // matches over NUL bytes, too, and without a copy
        found.rm_so = 0;
        found.rm_eo = static_cast<regoff_t>(text.size());
        return regexec(&regex_, text.empty() ? "" : text.data(), 1, &found, REG_STARTEND);
#else
        if (text.find('\0') != std::string_view::npos) return REG_ESPACE;
        return regexec(&regex_, std::string{text}.c_str(), 1, &found, 0);
#endif
    }

    /// The same, but tried at the start of the text only: its time grows with the length of the text, not its square.
    [[nodiscard]] auto match_start(std::string_view text, regmatch_t& found) const -> int {
#ifdef RE_SYNTAX_POSIX_EXTENDED  // glibc's regex.h with its own functions
        const char* start = text.empty() ? "" : text.data();
        const auto length = re_match(&regex_, start, static_cast<int>(text.size()), 0, nullptr);
        found.rm_so = 0;
        found.rm_eo = static_cast<regoff_t>(length);
        return length >= 0 ? 0 : length == -1 ? REG_NOMATCH : REG_ESPACE;
#else
        const int outcome = search(text, found);
        return outcome == 0 && found.rm_so != 0 ? REG_NOMATCH : outcome;
#endif
    }

private:
    mutable regex_t regex_{};  ///< re_match takes no const one; it locks what it shares
    bool owned_{};
};

}  // namespace detail

/// A POSIX extended expression, compiled once for many texts. Texts may hold NUL bytes (`.` does not match one); what
/// is longer than `longest`, and what the C library finds too costly, is errc::bad_data. In a UTF-8 locale nothing
/// matches across bytes that are no UTF-8; the C locale knows bytes only. A moved-from one may only be assigned to.
class pattern {
public:
    static constexpr std::size_t longest = std::size_t{16} * 1024 * 1024;  ///< bytes of a text

    /// errc::bad_data when the expression is not valid or would not mean what it means in Python.
    [[nodiscard]] static auto compile(std::string_view expression) -> result<pattern> {
        auto posix = detail::posix_expression(expression);
        if (!posix) return unexpected{std::move(posix).error()};
        pattern made{expression};
        // The plain form first: in a group, `a)(b` would be valid. A `.` would not match a NUL byte. No `^` before it:
        // with a hundred nested groups the C library takes 15 s and more than 1 GB to compile that.
        std::string why = made.plain_.compile(*posix);
        if (why.empty()) why = made.behind_anything_.compile("([^a]|a)*(" + *posix + ')');
        if (why.empty()) return made;
        return fail(errc::bad_data, "the expression " + quoted(expression) +
                                        " is not a valid POSIX extended regular expression: " + why);
    }

    /// The leftmost match, of those there the longest. The time may grow with the square of the text's length (`x.*y`
    /// on nothing but x): for texts that others can make long, use occurs_in or match_start.
    [[nodiscard]] auto search(std::string_view text) const -> result<std::optional<extent>> {
        regmatch_t found{};
        if (too_long(text)) return refused(text);
        return answer(plain_.search(text, found), found, text);
    }

    /// The longest match at the start of the text.
    [[nodiscard]] auto match_start(std::string_view text) const -> result<std::optional<extent>> {
        regmatch_t found{};
        if (too_long(text)) return refused(text);
        return answer(plain_.match_start(text, found), found, text);
    }

    /// Does it match anywhere?
    [[nodiscard]] auto occurs_in(std::string_view text) const -> result<bool> {
        // glibc takes a `^` that is not the first for the start of a line, too.
        const bool lines = expression_.find('^') != std::string::npos && text.find('\n') != std::string_view::npos;
        regmatch_t found{};
        if (too_long(text)) return refused(text);
        const int outcome = lines ? plain_.search(text, found) : behind_anything_.match_start(text, found);
        return answer(outcome, found, text).transform([](const auto& match) { return match.has_value(); });
    }

private:
    explicit pattern(std::string_view expression) : expression_{expression} {}

    [[nodiscard]] static auto too_long(std::string_view text) -> bool { return text.size() > longest; }

    [[nodiscard]] auto refused(std::string_view text) const -> unexpected {
        return fail(errc::bad_data, "the expression " + quoted(expression_) + " cannot be matched with a text of " +
                                        std::to_string(text.size()) + " bytes: " +
                                        (too_long(text) ? "at most " + std::to_string(longest) + " are expected"
                                                        : std::string{"it needs too much memory"}));
    }

    [[nodiscard]] auto answer(int outcome, const regmatch_t& found, std::string_view text) const
        -> result<std::optional<extent>> {
        if (outcome == REG_NOMATCH) return std::optional<extent>{};
        if (outcome != 0) return refused(text);
        return std::optional{extent{static_cast<std::size_t>(found.rm_so), static_cast<std::size_t>(found.rm_eo)}};
    }

    std::string expression_;  ///< as it was given, for messages
    detail::compiled_regex plain_{};
    detail::compiled_regex behind_anything_{};
};

/// Does the POSIX extended expression match at the start of `text`? It need not reach to the end: that is what `$` is
/// for. Fails with errc::bad_data when the expression is not valid.
[[nodiscard]] inline auto matches_at_start(std::string_view expression, std::string_view text) -> result<bool> {
    const auto compiled = pattern::compile(expression);
    if (!compiled) return unexpected{compiled.error()};
    return compiled->match_start(text).transform([](const auto& found) { return found.has_value(); });
}

}  // namespace powerconsul::inline v0
