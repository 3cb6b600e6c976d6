# Trains experiments × seeds into runs/full, on this machine's cores or a cluster's. Each training goes on where it was stopped.
#
#     snakemake --cores 4 --keep-going
#     snakemake --cores 4 --keep-going --config seeds=0,1,2 experiments=custom_cnn,mobilenetv2_head_only
#     snakemake --executor slurm --jobs 16 --keep-going --default-resources runtime=480 mem_mb=4000

from fer_lib.experiments import COMPARED, EXPERIMENTS
from fer_lib.runs import parts_of

names = str(config.get("experiments", ",".join(COMPARED))).split(",")
seeds = str(config.get("seeds", "0,1,2")).split(",")
if unknown := set(names) - set(EXPERIMENTS):
    raise ValueError(f"no experiment {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")

# A mark that a run has ended, and not a file of it: Snakemake removes outputs before it repeats a job, and a finished run must stay.
ENDED = "runs/fan-out/{experiment}-seed-{seed}"


def taken_up(wildcards):
    """The marks of those asked for whose weights this one takes up. One that is not asked for must be there already."""
    keys = EXPERIMENTS[wildcards.experiment].dependencies(int(wildcards.seed))
    return [ENDED.format(experiment=name, seed=seed) for name, seed in map(parts_of, keys) if name in names and str(seed) in seeds]


rule all:
    input:
        expand(ENDED, experiment=names, seed=seeds),


# One thread a training: two trainings side by side on two cores get through more images a second than one after the other.
rule train:
    input:
        taken_up,
    output:
        touch(ENDED),
    threads: 1
    shell:
        "TF_NUM_INTRAOP_THREADS={threads} TF_NUM_INTEROP_THREADS=1 "
        "python -m fer_lib train {wildcards.experiment} --seed {wildcards.seed}"
