#pragma once

#include <algorithm>
#include <new>
#include <utility>

// PCRE2 is called by its full names (pcre2_compile_8 and so on). An embedder may choose any width for the short ones,
// before this header or after it: they take the width that is defined where they are used.
#ifdef PCRE2_CODE_UNIT_WIDTH
#include <pcre2.h>
#else
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#undef PCRE2_CODE_UNIT_WIDTH
#endif

#include <powerconsul/core/owned.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

namespace detail {

[[nodiscard]] inline auto pcre2_units(std::string_view text) -> PCRE2_SPTR8 {
    return reinterpret_cast<PCRE2_SPTR8>(text.empty() ? "" : text.data());
}

[[nodiscard]] inline auto pcre2_message(int code) -> std::string {
    PCRE2_UCHAR8 text[256];
    const int length = pcre2_get_error_message_8(code, text, sizeof text);
    return length < 0 ? "error " + std::to_string(code) : reinterpret_cast<const char*>(text);
}

/// Spells an expression of Python's `re` for PCRE2. Most of it stays as it is; what PCRE2 would take for something else
/// is written in another way or refused, so that no expression silently matches differently.
class pcre2_spelling {
public:
    explicit pcre2_spelling(std::string_view python) : python_{python} {
        while (fault.empty() && at < python_.size()) next();
    }

    std::string text{};
    std::string_view fault{};  ///< why it is refused, or empty
    std::size_t at{};          ///< how far it was read

    /// The place in Python's spelling of a place in `text`.
    [[nodiscard]] auto origin(std::size_t offset) const -> std::size_t {
        return offset - static_cast<std::size_t>(algo::count_if(added_, [&](auto each) { return each < offset; }));
    }

private:
    void next() {
        const std::string_view left = python_.substr(at);
        if (left.front() == '\\') return escape(left);
        if (in_class_) return class_member(left);
        if (left.front() == '[') {
            in_class_ = true;
            const std::size_t start = left.starts_with("[^") ? 2 : 1;
            return copy(start + (left.substr(start).starts_with(']') ? 1 : 0));
        }
        if (left.front() == '(') return group(left);
        if (left.front() == '{') return braces(left);
        copy(1);
    }

    void escape(std::string_view left) {
        constexpr std::string_view digits = "0123456789";
        constexpr std::string_view hexadecimal = "0123456789abcdefABCDEF";
        const char what = left.size() > 1 ? left[1] : '\\';
        const bool word = (what >= 'a' && what <= 'z') || (what >= 'A' && what <= 'Z') || is_one_of(what, digits);
        if (word && !is_one_of(what, in_class_ ? "abdDfnrsStvwWx0" : "aAbBdDfnrsStvwWxZ0123456789")) {
            return refuse("this escape is not known; write the character itself or [...]");
        }
        const std::string_view behind = left.substr(std::min<std::size_t>(2, left.size()));
        if (what == 'x' && std::min(behind.find_first_not_of(hexadecimal), behind.size()) < 2) {
            return refuse("expected two hexadecimal digits behind \\x");
        }
        if (what != '0' && is_one_of(what, digits) && !behind.empty() && is_one_of(behind.front(), digits)) {
            return refuse("a back-reference above \\9 is not taken; name the group, as in (?P<name>...) and (?P=name)");
        }
        copy(1);
        // PCRE2's \Z matches before a newline at the end, too, and its \v is any vertical white space.
        if (what == 'Z' || what == 'v') {
            text += what == 'Z' ? 'z' : '\v';
            ++at;
        } else if (at < python_.size()) {
            copy(1);
        }
    }

    /// [:alpha:] and its kin are POSIX's: PCRE2 knows them, and Python's authors do not write them for a list of
    /// letters.
    void class_member(std::string_view left) {
        in_class_ = left.front() != ']';
        if (!left.starts_with("[:")) return copy(1);
        const std::size_t end = left.find_first_not_of("^abcdefghijklmnopqrstuvwxyz", 2);
        if (end != std::string_view::npos && left.substr(end).starts_with(":]")) return copy(end + 2);
        add('\\');
        copy(1);
    }

    void group(std::string_view left) {
        if (left.starts_with("(*")) return refuse("(*...) is not taken; write \\( for a plain (");
        if (!left.starts_with("(?")) return copy(1);
        if (left.starts_with("(?#")) return copy(std::min(left.find(')'), left.size() - 1) + 1);
        if (left.starts_with("(?(")) return copy(2);
        const std::string_view kind = left.substr(2);
        for (const std::string_view known : {":", "=", "!", ">", "<=", "<!", "P<", "P="}) {
            if (kind.starts_with(known)) return copy(2 + known.size());
        }
        const std::size_t end = std::min(kind.find_first_not_of("ims"), kind.size());
        const std::size_t scope_end = std::min(kind.find_first_not_of("ims-"), kind.size());
        if (kind.substr(scope_end).starts_with(':')) return copy(2 + scope_end);
        if (end == 0 || !kind.substr(end).starts_with(')')) {
            return refuse("(? is taken before : = ! <= <! > P< P= ( # and the flags i, m and s only");
        }
        // In Python they hold for all of the expression, in PCRE2 from there on.
        if (at != 0) return refuse("flags such as (?i) are taken at the start of the expression only");
        copy(2 + end);
    }

    /// Versions of PCRE2 differ in what they take for a repetition: `{,3}` or `{1, 3}`.
    void braces(std::string_view left) {
        const auto behind_digits = [&](std::size_t from) {
            return std::min(left.find_first_not_of("0123456789", from), left.size());
        };
        const std::size_t least_end = behind_digits(1);
        const std::size_t end = left.substr(least_end).starts_with(',') ? behind_digits(least_end + 1) : least_end;
        const bool repetition = end > 1 && left.substr(end).starts_with('}');
        if (!repetition) add('\\');
        copy(1);
        if (!repetition) return;
        if (least_end == 1) add('0');
        copy(end);
    }

    [[nodiscard]] static auto is_one_of(char c, std::string_view those) -> bool {
        return those.find(c) != std::string_view::npos;
    }

    void refuse(std::string_view why) { fault = why; }
    void copy(std::size_t count) {
        text += python_.substr(at, count);
        at += count;
    }
    void add(char c) {
        added_.push_back(text.size());
        text += c;
    }

    std::string_view python_;
    bool in_class_{};
    std::vector<std::size_t> added_{};  ///< places in text of what Python's spelling does not have
};

}  // namespace detail

/// A regular expression that means what it means to Python's `re`, compiled once for many texts; [[:alpha:]] and the
/// other classes of POSIX are taken too. Texts are bytes, as they are to Python 2, and may hold any. May be used by
/// several threads at once. A moved-from pattern may only be assigned to or destroyed.
class pattern {
public:
    static constexpr std::size_t longest = 512;         ///< bytes of an expression
    static constexpr std::uint32_t deepest_group = 64;  ///< groups within one another

    // Limits of one match. A text gets `least_steps`, plus `steps_per_byte` for each of its bytes, up to `most_steps`.
    // With these the worst expressions end within 30 ms on a node's name and within half a second on any text.
    static constexpr std::size_t least_steps = 100'000;
    static constexpr std::size_t steps_per_byte = 1'000;
    static constexpr std::size_t most_steps = 20'000'000;
    static constexpr std::uint32_t deepest_match = 100'000;     ///< choices that it may have to return to
    static constexpr std::uint32_t largest_heap = 16U * 1024U;  ///< KiB

    /// errc::bad_data when the expression is not valid or is not taken, with the byte at which that was found.
    [[nodiscard]] static auto compile(std::string_view expression) -> result<pattern> {
        const auto refused = [&](std::size_t at, std::string_view why) {
            return fail(errc::bad_data, "the expression " + quoted(expression) + " is refused at byte " +
                                            std::to_string(at) + ": " + std::string{why});
        };
        if (expression.empty()) return refused(0, "it is empty");
        if (expression.size() > longest) {
            return refused(longest, "it is longer than " + std::to_string(longest) + " bytes");
        }
        const detail::pcre2_spelling spelling{expression};
        if (!spelling.fault.empty()) return refused(spelling.at, spelling.fault);
        const auto context = own<pcre2_compile_context_free_8>(pcre2_compile_context_create_8(nullptr));
        pcre2_set_newline_8(context.get(), PCRE2_NEWLINE_LF);
        pcre2_set_parens_nest_limit_8(context.get(), deepest_group);
        int problem = 0;
        std::size_t at = 0;
        // No JIT: it needs memory that is both writable and executable, and pays off only over many matches.
        pcre2_code_8* const made =
            pcre2_compile_8(detail::pcre2_units(spelling.text), spelling.text.size(),
                            PCRE2_ALT_CIRCUMFLEX | PCRE2_AUTO_CALLOUT, &problem, &at, context.get());
        if (made == nullptr && problem != PCRE2_ERROR_HEAP_FAILED) {
            return refused(spelling.origin(at), detail::pcre2_message(problem));
        }
        return pattern{expression, made};
    }

    /// Does it match anywhere? errc::bad_data when that takes more than the limits.
    [[nodiscard]] auto occurs_in(std::string_view text) const -> result<bool> {
        return match(text, 0).transform([](const auto& end) { return end.has_value(); });
    }

    /// The length of the match at the start of the text, of several the one that Python finds. errc::bad_data when that
    /// takes more than the limits.
    [[nodiscard]] auto match_start(std::string_view text) const -> result<std::optional<std::size_t>> {
        return match(text, PCRE2_ANCHORED);
    }

private:
    struct step_count {
        std::size_t left{};
        std::size_t offset{};
    };

    pattern(std::string_view expression, pcre2_code_8* code)
        : expression_{expression}, code_{own<pcre2_code_free_8>(code)} {}

    /// Where the match ends.
    [[nodiscard]] auto match(std::string_view text, std::uint32_t options) const -> result<std::optional<std::size_t>> {
        step_count steps{.left = std::min(least_steps + steps_per_byte * text.size(), most_steps)};
        const auto limits = own<pcre2_match_context_free_8>(pcre2_match_context_create_8(nullptr));
        pcre2_set_match_limit_8(limits.get(), static_cast<std::uint32_t>(steps.left));
        pcre2_set_depth_limit_8(limits.get(), deepest_match);
        pcre2_set_heap_limit_8(limits.get(), largest_heap);
        pcre2_set_callout_8(limits.get(), count_step, &steps);
        const auto found = own<pcre2_match_data_free_8>(pcre2_match_data_create_8(1, nullptr));
        const int outcome =
            pcre2_match_8(code_.get(), detail::pcre2_units(text), text.size(), 0, options, found.get(), limits.get());
        if (outcome >= 0) return std::optional{pcre2_get_ovector_pointer_8(found.get())[1]};
        if (outcome == PCRE2_ERROR_NOMATCH) return std::optional<std::size_t>{};
        if (outcome == PCRE2_ERROR_NOMEMORY) throw std::bad_alloc{};
        return fail(errc::bad_data, "the expression " + quoted(expression_) + " cannot be matched with a text of " +
                                        std::to_string(text.size()) + " bytes: " + detail::pcre2_message(outcome) +
                                        "; write it plainer, without a repetition inside another");
    }

    /// PCRE2 calls this before each item of the expression. Its own limit starts anew at each place of the text from
    /// which a match is tried, and a repetition that passes over many bytes counts once there.
    static auto count_step(pcre2_callout_block_8* at, void* count) -> int {
        auto& steps = *static_cast<step_count*>(count);
        const std::size_t offset = at->current_position;
        const std::size_t cost = 1 + (offset > steps.offset ? offset - steps.offset : steps.offset - offset);
        if (cost > steps.left) return PCRE2_ERROR_MATCHLIMIT;
        steps.left -= cost;
        steps.offset = offset;
        return 0;
    }

    std::string expression_;  ///< as it was given, for messages
    owned<pcre2_code_8, pcre2_code_free_8> code_;
};

/// Does the expression match at the start of `text`? It need not reach to the end: that is what `$` is for. Fails as
/// pattern::compile and pattern::match_start do.
[[nodiscard]] inline auto matches_at_start(std::string_view expression, std::string_view text) -> result<bool> {
    return pattern::compile(expression).and_then([&](const pattern& compiled) {
        return compiled.match_start(text).transform([](const auto& end) { return end.has_value(); });
    });
}

}  // namespace powerconsul::inline v0
