#pragma once

#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <regex.h>

#include <powerconsul/core/expression.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

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
        return compiled(expression, true);
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
    friend auto matches_at_start(std::string_view expression, std::string_view text) -> result<bool>;

    /// Without `anywhere` for match_start and search only, which saves half of the time.
    [[nodiscard]] static auto compiled(std::string_view expression, bool anywhere) -> result<pattern> {
        auto posix = detail::posix_expression(expression);
        if (!posix) return unexpected{std::move(posix).error()};
        pattern made{expression};
        // The plain form first: in a group, `a)(b` would be valid. A `.` would not match a NUL byte. No `^` before it:
        // with a hundred nested groups the C library takes 15 s and more than 1 GB to compile that.
        std::string why = made.plain_.compile(*posix);
        if (why.empty() && anywhere) why = made.behind_anything_.compile("([^a]|a)*(" + *posix + ')');
        if (why.empty()) return made;
        return fail(errc::bad_data, "the expression " + quoted(expression) +
                                        " is not a valid POSIX extended regular expression: " + why);
    }

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
    const auto compiled = pattern::compiled(expression, false);
    if (!compiled) return unexpected{compiled.error()};
    return compiled->match_start(text).transform([](const auto& found) { return found.has_value(); });
}

}  // namespace powerconsul::inline v0
