//! Makefiles: functions, macros, included files, and goals.

use super::{GO_MOD, each, finds};

#[test]
fn functions() {
    let texts = [
        "run_it = go run ./cmd/$(1)\nx:\n\t$(call run_it,api)\n",
        "define run_it\n\t@echo $(1)\n\t@go run ./cmd/$(1)\nendef\nx:\n\t$(call run_it,api)\n\t$(call run_it,web)\n",
        "retry = $(1) || $(1)\nx:\n\t$(call retry,go run ./x)\n",
        "x:\n\t$(foreach t,api web,go run ./cmd/$(t);)\n",
        "define T\n$(1):\n\tgo run ./cmd/$(1)\nendef\n$(foreach t,api web,$(eval $(call T,$(t))))\n",
        "define T\n$(1):\n\t$$(GO) run ./cmd/$(1)\nendef\n$(eval $(call T,api))\n",
        "$(eval GO_RUN := go run)\nx:\n\t$(GO_RUN) ./x\n",
        ".RECIPEPREFIX = >\nx:\n>go run ./x\n",
        ".RECIPEPREFIX := >\nx:\n> @go run ./x\n",
        "V = $(shell go run ./version)\nx:\n\techo $(V)\n",
        "x:\n\techo $(shell go run ./version)\n",
        "x: CMD = go run ./x\nx:\n\t$(CMD)\n",
        "a: CMD := go run ./a\nb: CMD := go vet ./b\na b:\n\t$(CMD)\n",
        "define R =\ncd x\n-@go run .\nendef\nx:\n\t$(R)\n",
        "override define R\ngo run .\nendef\nx: ; $(R)\n",
        "PKGS = a b\nx: $(addprefix run-,$(PKGS))\nrun-%:\n\tgo run ./cmd/$*\n",
        "x:\n\t$(strip $(GO) run) ./x\n",
        "x:\n\t$(if $(CI),,go run ./x)\n",
        "for = for p in $(1); do $(2); done\nx:\n\t$(call for,a b,go run ./$$p)\n",
        "x:\n\tfor p in a b; do \\\n\t  go run ./$$p; \\\n\tdone\n",
        "ifeq ($(OS),x)\nRUN = go run\nelse\nRUN := go run -race\nendif\nx:\n\t$(RUN) ./x\n",
        "x:\n\tGO_RUN=\"go run\"; $$GO_RUN ./x\n",
    ];
    for text in texts {
        let found = super::found(&[GO_MOD, ("Makefile", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].ends_with("TG001 local medium"), "{text}: {found:?}");
    }
    each(
        "Makefile",
        &[
            "unused = go run ./x\nx:\n\tgo vet\n",
            "define unused\ngo run ./x\nendef\nx:\n\tgo vet\n",
            "x:\n\t$(info go run ./x)\n\t$(call log,go run ./x)\n",
            "a: CMD := go run ./a\na:\n\tgo vet\n",
            "help:\n\t@echo 'make run: go run ./x'\n",
            "# $(call x,go run .)\nx:\n\t# go run .\n",
        ],
        &[],
    );
}

#[test]
fn findings_of_macros_stand_where_the_command_is() {
    let text = "define one\n\t@echo $(1)\n\t@go run ./cmd/$(1)\nendef\n\nx:\n\t$(call one,a)\ny:\n\t$(call retry,go run ./y)\nretry = $(1) || $(1)\n";
    finds(&[GO_MOD, ("Makefile", text)], &["Makefile:3 TG001 local medium", "Makefile:9 TG001 local medium"]);
}

#[test]
fn goals_and_folders() {
    let goal = ".DEFAULT_GOAL := run\nlint:\n\tgo run ./lint\nrun:\n\tgo run ./run\n";
    let ci = (".gitlab-ci.yml", "x:\n  script: make\n");
    finds(
        &[GO_MOD, ("Makefile", goal), ci],
        &["Makefile:3 TG001 local medium", "Makefile:5 TG001 local high"],
    );
    let inner = "a:\n\tgo run ./a\nb:\n\tgo run ./b\n";
    for outer in [
        "x:\n\t$(MAKE) -C tools b\n",
        "x:\n\tcd tools && $(MAKE) b\n",
        "x:\n\t@+${MAKE} --directory=tools b\n",
        "DIRS = tools\nx:\n\tfor d in $(DIRS); do $(MAKE) -C $$d b; done\n",
        "define sub\n$(MAKE) -C $(1) $(2)\nendef\nx:\n\t$(call sub,tools,b)\n",
    ] {
        finds(
            &[
                GO_MOD,
                ("Makefile", outer),
                ("tools/Makefile", inner),
                (".gitlab-ci.yml", "x:\n  script: make x\n"),
            ],
            &["tools/Makefile:2 TG001 local medium", "tools/Makefile:4 TG001 local high"],
        );
    }
    finds(
        &[GO_MOD, ("tools/Makefile", inner), (".gitlab-ci.yml", "x:\n  script: make -C tools b\n")],
        &["tools/Makefile:2 TG001 local medium", "tools/Makefile:4 TG001 local high"],
    );
    finds(
        &[
            GO_MOD,
            ("Makefile", "V := $(shell go run ./v)\nx:\n\techo $(V)\n"),
            (".gitlab-ci.yml", "x:\n  script: make x\n"),
        ],
        &["Makefile:1 TG001 local high"],
    );
    finds(
        &[
            GO_MOD,
            ("Makefile", "run-%:\n\tgo run ./cmd/$*\n"),
            (".gitlab-ci.yml", "x:\n  script: make run-api\n"),
        ],
        &["Makefile:2 TG001 local high"],
    );
}

#[test]
fn included_files() {
    let ci = (".gitlab-ci.yml", "x:\n  script: make ci\n");
    finds(
        &[
            GO_MOD,
            ("Makefile", "include build/common.inc\n"),
            ("build/common.inc", "ci:\n\tgo run ./x\n"),
            ci,
        ],
        &["build/common.inc:2 TG001 local high"],
    );
    finds(
        &[
            GO_MOD,
            ("Makefile", "-include vars.mk\nci:\n\t$(TOOL) ./x\n"),
            ("vars.mk", "TOOL := go run\n"),
            ci,
        ],
        &["Makefile:3 TG001 local high"],
    );
    finds(
        &[
            GO_MOD,
            ("Makefile", "TOOL := go run\ninclude rules.mk\n"),
            ("rules.mk", "ci:\n\t$(TOOL) ./x\n"),
            ci,
        ],
        &["rules.mk:2 TG001 local high"],
    );
    finds(
        &[
            GO_MOD,
            ("Makefile", "include fn.mk\nci:\n\t$(call tool,x)\n"),
            ("fn.mk", "define tool\n@go run ./cmd/$(1)\nendef\n"),
            ci,
        ],
        &["Makefile:3 TG001 local high"],
    );
    finds(
        &[
            GO_MOD,
            ("Makefile", "D := mk\ninclude $(D)/a\nci: deep\n"),
            ("mk/a", "include mk/b\n"),
            ("mk/b", "deep:\n\tgo run ./x\n"),
            ci,
        ],
        &["mk/b:2 TG001 local high"],
    );
    for pattern in ["mk/*.mk", "$(wildcard mk/*.mk)", "$(wildcard mk/*)"] {
        let main = format!("include {pattern}\nci:\n\t$(TOOL) ./x\n");
        finds(
            &[GO_MOD, ("Makefile", &main), ("mk/vars.mk", "TOOL := go run\n"), ci],
            &["Makefile:3 TG001 local high"],
        );
    }
    finds(&[GO_MOD, ("Makefile", "include notes\nci:\n\tgo vet\n"), ("other", "x:\n\tgo run .\n"), ci], &[]);
}
