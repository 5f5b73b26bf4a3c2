"""Plans made of the lines that rules look at, and of lines that nothing means."""

from __future__ import annotations

from hypothesis import strategies as st

LINES = (
    *(
        "# Plan",
        "## Phase 1: Ground",
        "### 1.2 Walls",
        "##Glued",
        "## ## Roof",
        "## ",
        "#### Deep",
        "# Second",
    ),
    *(
        "*Version 1.0 - 05/06/2026 - Progress: 90%*",
        "*Version 2026-05-20*",
        "*Progress: 3/4*",
        "**Status**: done",
    ),
    *(
        "**Start date**: 2026-05-10",
        "**End date**: 2026-05-01",
        "",
        "",
        "---",
        "Some words.",
        "{{CURRENT_DATE}}",
    ),
    *("- [ ] **1.1** Sand", "- [x] **1.2** Paint #depends:1.1", "  - [ ] **1.1.1** Prime", "  - [x] Dry"),
    *(
        "- [ ] **1.3** A #depends:1.4",
        "- [ ] **1.4** B #depends:1.3",
        "- [ ] C #due:2026-05-01 #priority:soon",
    ),
    *(
        "- [ ]tight",
        "[ ] bare",
        "- [?] odd",
        "- ✅ sign",
        "- [ ] two      - [ ] in one",
        "- [ ] *Key**: value",
    ),
    *(
        "      - [ ] deep",
        "```bash",
        "```",
        "```plaintext",
        "<content>",
        "</content># X",
        "<<<<<<< HEAD",
        "| a | b |",
    ),
    *(
        "- [ ] CrÃ©er",
        "- [ ] Caf\udce9",
        "☐ box",
        "✅ box",
        "> - [x] quoted",
        "1. [ ] first",
        "\ufeff",
        "nul \0",
    ),
    *(
        "- [ ] x <!-- planning-sync: disable=ref-gap -->",
        "<!-- planning-sync: disable -->",
        "```  - [x] glued",
    ),
    *(
        "<!-- planning-sync: enable -->",
        "<!-- planning-sync: nonsense -->",
        "<!-- planning-sync: disable-file=x -->",
    ),
)
ENDS = ("\n", "\n", "\n", "\r\n", "\r", "")


@st.composite
def plans(draw: st.DrawFn) -> bytes:
    """The bytes of a plan. Most lines end in LF; one that does not end joins the next one."""
    lines = draw(st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)), max_size=25))
    bom = draw(st.sampled_from(("", "", "\ufeff", "\ufeff\ufeff")))
    return (bom + "".join(line + end for line, end in lines)).encode("utf-8", "surrogateescape")
