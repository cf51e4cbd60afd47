//! Command lines of container engines.

use super::wrapper::has;
use crate::{extract::ImageBuild, word::Word};

/// Options of `run`, `exec` and `compose run` whose value is the next word.
const VALUED: &str = "-e --env -v --volume -w --workdir -u --user -p --publish --name --network --net --entrypoint --env-file -h \
    --hostname -m --memory --cpus --platform --mount -l --label --link --add-host --device --cap-add --cap-drop --security-opt \
    --pull --restart --shm-size --tmpfs --ulimit --gpus -f --file --profile --project-directory --project-name --index";

/// Options of `build` whose value is the next word.
const VALUED_OF_BUILD: &str = "-f --file -t --tag --target --build-arg --platform --progress --cache-from --cache-to --secret --ssh \
    --output -o --label --network --add-host --builder --iidfile --build-context --metadata-file --isolation --memory -m";

/// Returns the command that an engine's command line runs in a container: `docker run IMAGE COMMAND`, `docker exec`,
/// `docker compose run SERVICE COMMAND`.
pub(super) fn command(words: &[Word]) -> Option<Vec<Word>> {
    let mut index = 0;
    let mut entrypoint = None;
    let mut has_verb = false;
    while let Some(word) = words.get(index) {
        let value = word.value();
        if value == "--entrypoint" {
            entrypoint = words.get(index + 1).cloned();
            index += 2;
        } else if value.starts_with("--entrypoint=") {
            entrypoint = word.split_at_equals().map(|(_, program)| program);
            index += 1;
        } else if has(VALUED, &value) {
            index += 2;
        } else if value.starts_with('-') || !has_verb && matches!(value.as_str(), "compose" | "container") {
            index += 1;
        } else if !has_verb {
            if !matches!(value.as_str(), "run" | "exec" | "create") {
                return None;
            }
            has_verb = true;
            index += 1;
        } else {
            // The image, the container or the service.
            let rest = words.get(index + 1..).unwrap_or_default();
            return Some(entrypoint.into_iter().chain(rest.iter().cloned()).collect());
        }
    }
    None
}

/// Returns the build of an image that an engine's command line is: `docker build`, `docker buildx build`, `podman build`.
pub(super) fn image_build(words: &[Word]) -> Option<ImageBuild> {
    let mut build = ImageBuild { file: None, folder: String::new(), target: None };
    let mut values = words.iter().map(Word::value);
    let verb = values
        .find(|value| !value.starts_with('-') && !matches!(value.as_str(), "buildx" | "image" | "builder"))?;
    if !matches!(verb.as_str(), "build" | "bud" | "b") {
        return None;
    }
    while let Some(value) = values.next() {
        let (name, own) = match value.split_once('=').filter(|_| value.starts_with("--")) {
            Some((name, own)) => (name.to_owned(), Some(own.to_owned())),
            None => (value.clone(), None),
        };
        let own = own.or_else(|| if has(VALUED_OF_BUILD, &value) { values.next() } else { None });
        match name.as_str() {
            "--target" => build.target = own.filter(|target| !target.contains('$')),
            "-f" | "--file" => build.file = own,
            _ if name.starts_with('-') => {}
            _ => build.folder = value,
        }
    }
    Some(build)
}

/// Returns the files that `docker compose up` reads; none is one of the default names.
pub(super) fn composed_files(program: &str, words: &[Word]) -> Option<Vec<String>> {
    let values: Vec<String> = words.iter().map(Word::value).collect();
    if program != "docker-compose" && values.first().is_none_or(|first| first != "compose") {
        return None;
    }
    let starts =
        values.iter().any(|value| matches!(value.as_str(), "up" | "run" | "start" | "create" | "watch"));
    let named = values.windows(2).filter_map(|pair| match pair {
        [option, path] if option == "-f" || option == "--file" => Some(path.clone()),
        _ => None,
    });
    starts.then(|| named.collect())
}
