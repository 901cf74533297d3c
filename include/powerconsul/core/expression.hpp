#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// How many pieces an expression becomes once its repetitions are written out, as the C library does before it matches:
/// `+` doubles what it repeats, so twenty of them in one another would take all memory. What repeats without end counts
/// for more than its pieces: `(a?){900,}` takes 15 s.
class expansion {
public:
    static constexpr std::size_t largest = 1000;

    static constexpr std::size_t most_optional = 300;

    void piece() {
        last_ = {1, 0};
        ++all_.pieces;
    }
    void open() {
        outer_.push_back(all_);
        all_ = last_ = {};
    }
    void close() {
        last_ = {all_.pieces == 0 ? 1 : all_.pieces, all_.optional};
        if (outer_.empty()) return;
        all_ = {outer_.back().pieces + last_.pieces, outer_.back().optional + last_.optional};
        outer_.pop_back();
    }
    void repeat(std::size_t times) {
        all_.pieces += last_.pieces * (times - 1);
        all_.optional += last_.optional * (times - 1);
        last_ = {last_.pieces * times, last_.optional * times};
    }
    /// What stands last may be missing, or any part of it.
    void may_be_missing() {
        all_.optional += last_.pieces - last_.optional;
        last_.optional = last_.pieces;
    }
    void empty_branch() { ++all_.optional; }
    void more_of_it() { all_.optional += last_.pieces; }
    [[nodiscard]] auto too_large() const -> bool { return all_.pieces > largest; }
    [[nodiscard]] auto optional() const -> std::size_t { return all_.optional; }

private:
    struct count {
        std::size_t pieces{};
        std::size_t optional{};  ///< those that may be missing: what they cost grows with their square and more
    };

    std::vector<count> outer_{};  ///< what stands before each open group
    count all_{};
    count last_{};
};

/// Whether what stands last may match nothing. Repeating that lets the C library's compilation explode:
/// `([ab]*.?){0,5}(b*)+[ab]{0,4}` eight times takes minutes.
class emptiness {
public:
    void piece(bool empty) { now_ = {now_.all && now_.last, empty, now_.branch}; }
    void open() {
        outer_.push_back(now_);
        now_ = {};
    }
    void branch() { now_ = {true, true, now_.branch || (now_.all && now_.last)}; }
    void close() {
        const bool empty = now_.branch || (now_.all && now_.last);
        if (!outer_.empty()) {
            now_ = outer_.back();
            outer_.pop_back();
        }
        piece(empty);
    }
    void may_be_missing() { now_.last = true; }
    [[nodiscard]] auto last() const -> bool { return now_.last; }

private:
    struct group {
        bool all{true};  ///< what stands before the last
        bool last{true};
        bool branch{};  ///< one of the branches before this one
    };

    std::vector<group> outer_{};
    group now_{};
};

/// What lets the C library's compilation explode where anchors are: `(\b|a)*` twelve times takes 33 s, and each
/// repetition of a group that has repetitions in it doubles the time, up to `^` and `(a*b*)*` 32 times, which does not
/// end.
class anchors {
public:
    static constexpr std::size_t most_word_borders = 8;
    static constexpr std::size_t deepest = 16;         ///< groups within one another
    static constexpr std::size_t most_nested = 8;      ///< repetitions of groups with repetitions, beside an anchor
    static constexpr std::size_t most_beside = 16;     ///< anchors times those
    static constexpr std::size_t most_optional = 600;  ///< anchors times pieces that may be missing
    static constexpr std::size_t most_beside_borders = 16;  ///< word borders times those

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
    [[nodiscard]] auto cost() const -> std::size_t { return count_ * count_ + 20 * word_borders_; }
    /// Whether what stands last, a piece or a group, is or holds an anchor.
    [[nodiscard]] auto last() const -> bool { return last_.anchor; }
    [[nodiscard]] auto too_deep() const -> bool { return open_.size() > deepest; }
    [[nodiscard]] auto too_many() const -> bool { return word_borders_ > most_word_borders; }
    [[nodiscard]] auto too_nested(std::size_t optional) const -> bool {
        return (count_ > 0 && nested_ > most_nested) || nested_ * count_ > most_beside ||
               optional * count_ > most_optional || optional * word_borders_ > most_beside_borders;
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
[[nodiscard]] inline auto posix_expression(std::string_view expression, std::size_t* cost = nullptr)
    -> result<std::string> {
    const auto refused = [&](std::size_t at, std::string_view why) {
        return fail(errc::bad_data, "the expression " + quoted(expression) + " is refused at byte " +
                                        std::to_string(at) + ": " + std::string{why});
    };
    if (expression.empty()) return refused(0, "it is empty");
    if (expression.size() > 512) return refused(512, "it is longer than 512 bytes");
    std::string posix;
    expansion size;
    anchors borders;
    emptiness empty;
    bool bracket = false;
    bool braces = false;
    bool repeated = false;   // what stands before is a repetition already
    std::size_t groups = 0;  // that are open
    std::size_t bracket_start = 0;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        const char next = i + 1 < expression.size() ? expression[i + 1] : '\0';
        const bool repeats_again = repeated && !bracket && std::string_view{"*+?{"}.find(c) != std::string_view::npos;
        if (c == '\0') return refused(i, "a NUL byte");
        // Python's lazy `a+?` needs an a, POSIX takes it as `(a+)?`.
        if (repeats_again) return refused(i, "a second repetition means something else in POSIX; group the first");
        repeated = !bracket && std::string_view{"*+?}"}.find(c) != std::string_view::npos;
        if (!bracket && borders.last() && std::string_view{"*+{"}.find(c) != std::string_view::npos) {
            return refused(i, "an anchor (^ $ \\b \\B) inside what is repeated; take it out");
        }
        if (!bracket && i > 0 && empty.last() && std::string_view{"*+{"}.find(c) != std::string_view::npos) {
            return refused(i, "what is repeated may match nothing; write (a*)* as a*, and (a*){2} as a*");
        }
        if (!bracket && std::string_view{"*+?{"}.find(c) != std::string_view::npos) borders.repeat();
        if (!bracket && (c == '*' || c == '?')) {
            size.may_be_missing();
            empty.may_be_missing();
        }
        if (!bracket && c == '+') size.more_of_it();
        const bool branch_ends = !bracket && (c == '|' || c == ')');
        if (branch_ends && i > 0 && (expression[i - 1] == '|' || expression[i - 1] == '(')) size.empty_branch();
        if (bracket) {
            if (c == '\\') {
                return refused(i, "a backslash inside [...] has no special meaning in POSIX; list the characters");
            }
            if (c == ']' && i > bracket_start) bracket = false;
        } else if (c == '[') {
            bracket = true;
            size.piece();
            borders.other();
            empty.piece(false);
            bracket_start = i + (next == '^' ? 2 : 1);
        } else if (c == '(' && next == '?') {
            return refused(i, "(?...) is not POSIX; use a plain group");
        } else if (c == '(') {
            ++groups;
            size.open();
            borders.open();
            empty.open();
            if (borders.too_deep()) return refused(i, "more than 16 groups within one another");
        } else if (c == ')') {
            // The C library would take it for itself, and within a group of ours for the end of that.
            if (groups-- == 0) return refused(i, "a ) without its (; write \\) for a plain one");
            size.close();
            borders.close();
            empty.close();
        } else if (c == '+') {
            size.repeat(3);
            if (size.too_large()) return refused(i, "it repeats more than 1000 times");
        } else if (c == '{') {
            const std::size_t times = repetitions(expression, i);
            braces = true;
            if (times <= expansion::largest) size.repeat(times);
            if (times > expansion::largest || size.too_large()) return refused(i, "it repeats more than 1000 times");
            if (expression.substr(i, expression.find('}', i) - i).find(',') != std::string_view::npos) {
                size.may_be_missing();
            }
            if (next == '0' || next == ',') empty.may_be_missing();
        } else if (c == '\\') {
            size.piece();
            borders.other();
            empty.piece(next == 'b' || next == 'B');
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
            empty.piece(true);
        } else if (c == '|') {
            size.piece();
            borders.other();
            empty.branch();
        } else if (c != '*' && c != '?') {
            size.piece();
            borders.other();
            empty.piece(false);
        }
        posix += c;
    }
    if (size.optional() > expansion::most_optional) {
        return refused(expression.size(), "more than 300 pieces that may be missing; write it plainer");
    }
    if (borders.too_nested(size.optional())) {
        return refused(expression.size(), "anchors beside many repetitions of what has repetitions; write it plainer");
    }
    if (cost != nullptr) *cost = size.optional() + borders.cost();
    return posix;
}

}  // namespace detail

/// What it may cost to compile and match an expression, for those who have many: `^web[0-9]+$` has a cost of 5, and
/// those of 1000 together take less than a second. 0 for one that is not valid.
[[nodiscard]] inline auto cost_of_expression(std::string_view expression) -> std::size_t {
    std::size_t cost = 0;
    static_cast<void>(detail::posix_expression(expression, &cost));
    return cost;
}

}  // namespace powerconsul::inline v0
